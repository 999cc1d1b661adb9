"""Over which connection messages for a validator key go: one per key, the first one, for as long as it lives.

As in neard's connection pool, a second holder of a key is refused while the connection of the first one is there,
dead or not: a process that ends takes its connection along at once, a host that is gone only when the peer gives it up.
Pure: what a connection is does not matter here.
"""

from __future__ import annotations

from typing import Generic, TypeVar

L = TypeVar("L")


class KeyRoutes(Generic[L]):
    """The registered connections of one node. Without ``enabled`` everybody gets everything."""

    def __init__(self, *, enabled: bool) -> None:
        self.enabled = enabled
        self.refusals = 0
        """neard's ``near_already_connected_account``."""
        self._by_key: dict[str, L] = {}

    def claim(self, key: str | None, link: L, replaces: L | None = None) -> L | None:
        """``link`` leads to the holder of ``key`` (None: of no key). Answers who stands in its way: then it is refused.

        ``replaces``: another connection to the same peer, about to be closed, which does not.
        """
        if not self.enabled:
            return None
        first = self._by_key.get(key) if key is not None else None
        if first is not None and first is not link and first is not replaces:
            self.refusals += 1
            return first
        self.release(link)
        if key is not None:
            self._by_key[key] = link
        return None

    def release(self, link: L) -> None:
        """This connection is closed, or its peer holds no key any more."""
        self._by_key = {key: item for key, item in self._by_key.items() if item is not link}

    def carries(self, link: L) -> bool:
        """Whether messages for validators go over this connection because a key was registered for it."""
        return not self.enabled or link in self._by_key.values()

    def leads_to(self, key: str) -> bool:
        """Whether some connection is registered for ``key``, dead or not."""
        return key in self._by_key
