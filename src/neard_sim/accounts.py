"""AccountData: which node says that it holds which validator key, as all nodes come to know it.

Pure: a function of what was heard, of the key that this node holds and of the time. The highest version of a key
counts. Whoever has said that it holds a key answers each other statement about it with one of a higher version, at
once, and goes on doing so after its key was taken away: nearcore keeps the signer of its last statement.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

_VERSION_MAX = 2**64 - 1


@dataclass(frozen=True)
class AccountData:
    """One statement, made at ``timestamp_ns`` (since 1970). ``proxies`` are pairs of peer id and ``host:port``."""

    account_key: str
    peer_id: str
    proxies: tuple[tuple[str, str], ...]
    version: int
    timestamp_ns: int

    def to_wire(self) -> list[Any]:
        """Plain JSON values."""
        return [self.account_key, self.peer_id, self.proxies, self.version, self.timestamp_ns]

    @staticmethod
    def from_wire(wire: list[Any]) -> AccountData:
        """The inverse of to_wire(); TypeError or ValueError for anything else."""
        key, peer_id, proxies, version, timestamp_ns = wire
        if not 0 < int(version) <= _VERSION_MAX or not 0 <= int(timestamp_ns) <= _VERSION_MAX:
            raise ValueError("a version or timestamp is out of range")
        pairs = tuple((str(peer), str(addr)) for peer, addr in proxies)
        return AccountData(str(key), str(peer_id), pairs, int(version), int(timestamp_ns))


class Accounts:
    """What one node knows, and what it says itself. Times and periods in nanoseconds."""

    def __init__(self, peer_id: str, addr: str | None, renew_every: int) -> None:
        self._peer_id = peer_id
        self._proxies = ((peer_id, addr),) if addr is not None else ()
        self._renew_every = renew_every
        self._heard: dict[str, AccountData] = {}
        self._key: str | None = None
        self._signer: str | None = None
        """The key of its last statement, for as long as this process runs."""
        self._say_at: int | None = None

    def hold(self, key: str | None) -> None:
        """This node holds ``key`` from now on; None: none. What it has said before stands, as nobody takes it back."""
        if key != self._key:
            self._key, self._say_at = key, None

    def known(self, keys: Collection[str]) -> list[AccountData]:
        """What this node believes of these keys, and tells a new peer."""
        return [item for key, item in self._heard.items() if key in keys]

    def holders(self) -> dict[str, str]:
        """The peer id of the holder of each key, as this node believes."""
        return {key: item.peer_id for key, item in self._heard.items()}

    def says(self, key: str) -> bool:
        """Whether this process has said that it holds ``key``."""
        return key == self._signer

    def hear(self, item: AccountData, now: int, keys: Collection[str]) -> AccountData | None:
        """A statement has come. What is to be passed on: the same, or this node's answer to it; None: nothing."""
        known = self._heard.get(item.account_key)
        if item.account_key not in keys or (known is not None and _rank(known) >= _rank(item)):
            return None
        if item.account_key == self._signer:
            item = self._sign(item.account_key, item.version, now)
        self._heard[item.account_key] = item
        return item

    def due(self, now: int, keys: Collection[str], delay: int) -> AccountData | None:
        """What this node has to say now, if anything: ``delay`` after it took a key, then anew again and again."""
        if self._key is None or self._key not in keys:
            return None
        if self._say_at is None:
            self._say_at = now + delay
        if now < self._say_at:
            return None
        self._say_at = now + self._renew_every
        self._signer = self._key
        known = self._heard.get(self._key)
        own = self._sign(self._key, 0 if known is None else known.version, now)
        self._heard[self._key] = own
        return own

    def _sign(self, key: str, over: int, now: int) -> AccountData:
        return AccountData(key, self._peer_id, self._proxies, over + 1, now)


def _rank(item: AccountData) -> tuple[int, int]:
    return item.version, item.timestamp_ns
