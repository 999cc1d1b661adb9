"""The pace at which one node tells its peers what it has learnt: each peer once in ten seconds, with all that is new.

The first message to a peer goes at once, what comes within the pause goes together at its end, and of two statements
about one key the higher version (nearcore's ``accounts_data_broadcast_rate_limit``: 0.1 a second, bursts of one).
Pure: what a peer is does not matter here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Generic, TypeVar

from .accounts import AccountData

P = TypeVar("P")
PAUSE_NS = 10_000_000_000


class Gossip(Generic[P]):
    """What is still to be told to whom, and since when each has been told something."""

    def __init__(self) -> None:
        self._waiting: dict[P, dict[str, AccountData]] = {}
        self._told_at: dict[P, int] = {}

    def add(self, peers: Iterable[P], items: Iterable[AccountData]) -> None:
        """All these peers are to be told all these statements."""
        items = list(items)
        for peer in peers if items else ():
            waiting = self._waiting.setdefault(peer, {})
            for item in items:
                known = waiting.get(item.account_key)
                if known is None or known.version < item.version:
                    waiting[item.account_key] = item

    def due(self, now: int, peers: Collection[P]) -> list[tuple[P, list[AccountData]]]:
        """What goes out at ``now`` (nanoseconds) to which of ``peers``; the others are gone, and forgotten."""
        for gone in [peer for peer in (*self._waiting, *self._told_at) if peer not in peers]:
            self._waiting.pop(gone, None)
            self._told_at.pop(gone, None)
        ready = [peer for peer in self._waiting if now >= self._told_at.get(peer, -PAUSE_NS) + PAUSE_NS]
        self._told_at.update(dict.fromkeys(ready, now))
        return [(peer, list(self._waiting.pop(peer).values())) for peer in ready]
