"""Which keys make up a cluster, and in which order they are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from . import consul_keys
from .wire import Entry


def read_all(
    account_id: str, below: Callable[[str], Sequence[Entry]], one: Callable[[str], Sequence[Entry]]
) -> tuple[Entry, ...]:
    """What ``cluster.read`` takes: ``below`` gives all keys with a prefix, ``one`` a single key, or nothing.

    The lease is read last: whoever sees in a request that it is done sees the lease as it was left, and who holds the
    lease by then had claimed a member record before.
    """
    found = below(consul_keys.prefix(account_id))
    if not found:
        # A list leaves out what the token may not read; of a single key it is said.
        found = one(consul_keys.config(account_id))
    return (*found, *one(consul_keys.leader(account_id)))
