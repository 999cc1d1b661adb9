"""Names of the keys in Consul's store."""

from __future__ import annotations


def leader(account_id: str) -> str:
    """The lease; the name that kuutamod uses, so that a mixed cluster excludes itself."""
    return f"kuutamod-leader/{account_id}"


def last_heartbeat(account_id: str) -> str:
    """The record of the last heartbeat once more, so that it is not lost with a lease that somebody deletes."""
    return f"near-supervisor/{account_id}/last-heartbeat"


def members(account_id: str) -> str:
    """Prefix below which each node keeps its own record while its session lives."""
    return f"near-supervisor/{account_id}/members/"


def member(account_id: str, node_id: str) -> str:
    """The record of one node."""
    return members(account_id) + node_id


def starting(account_id: str) -> str:
    """Prefix below which a node that starts, and is no member yet, says so while a session of its own lives."""
    return f"near-supervisor/{account_id}/starting/"


def starting_node(account_id: str, node_id: str, instance: str) -> str:
    """The record of one that starts: two that have one id are two."""
    return f"{starting(account_id)}{node_id}/{instance}"


def prefix(account_id: str) -> str:
    """All keys of one account but the lease."""
    return f"near-supervisor/{account_id}/"


def switchover(account_id: str) -> str:
    """The request to change who validates."""
    return prefix(account_id) + "switchover"


def config(account_id: str) -> str:
    """What holds for the whole cluster."""
    return prefix(account_id) + "config"


def history(account_id: str) -> str:
    """Who validated, since when, why."""
    return prefix(account_id) + "history"


def validator_key(account_id: str, public_key: str) -> str:
    """The lock of one validator key, whatever its supervisors call the lease. ``account_id`` is the key's own.

    So it is among the keys that a token of that account may write. Consul 1.21 takes no colon in a name.
    """
    return f"{prefix(account_id)}keys/{public_key.replace(':', '-')}"


LEADERS = leader("")
"""Prefix of all leases, ours and kuutamod's."""
