"""AccountData: which node says that it holds which validator key, as all nodes come to know it.

Pure: a function of what was heard, of the key that this node holds and of the time. The highest version of a key
counts. A holder that hears of another one signs a higher version, so two live holders overrule each other for ever.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

_FIGHT_PAUSE_NS = 1_000_000_000
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

    def __init__(self, peer_id: str, addr: str | None, offer_every: int, renew_every: int) -> None:
        self._peer_id = peer_id
        self._proxies = ((peer_id, addr),) if addr is not None else ()
        self._offer_every, self._renew_every = offer_every, renew_every
        self._heard: dict[str, AccountData] = {}
        self._key: str | None = None
        self._own: AccountData | None = None
        self._overruled = False
        self._may_overrule = 0
        self._publish_at: int | None = None
        self._next_offer = 0

    def hold(self, key: str | None) -> None:
        """This node holds ``key`` from now on; None: none. What it has said before stands, as nobody takes it back."""
        if key != self._key:
            self._key, self._own, self._publish_at, self._overruled = key, None, None, False

    def known(self, keys: Collection[str]) -> list[AccountData]:
        """What this node has been told of these keys, and has told others: what it passes on."""
        return [item for key, item in self._heard.items() if key in keys]

    def shown(self, keys: Collection[str]) -> list[AccountData]:
        """What this node believes of these keys; of its own one, what it has signed."""
        own = {} if self._own is None else {self._own.account_key: self._own}
        return [item for key, item in (self._heard | own).items() if key in keys]

    def hear(self, item: AccountData, keys: Collection[str]) -> bool:
        """A statement has come. True if it is worth passing on."""
        known = self._heard.get(item.account_key)
        own = self._own
        if item.account_key not in keys or item == own:
            return False
        if item.account_key == self._key and own is not None and item.version >= own.version:
            # Of the same version, too: a holder that has just started begins with the first one.
            self._overruled = True
        if known is not None and known.version >= item.version:
            return False
        self._heard[item.account_key] = item
        return item.account_key != self._key

    def due(self, now: int, keys: Collection[str], delay: int) -> AccountData | None:
        """What this node has to say now, if anything: what is new, after ``delay``, then the same again and again."""
        if self._key is None or self._key not in keys:
            return None
        own = self._own
        if own is not None and self._overruled and now >= self._may_overrule:
            own, self._may_overrule = None, now + _FIGHT_PAUSE_NS
        if own is None or now >= own.timestamp_ns + self._renew_every:
            own = self._sign(self._key, now, delay)
        is_new = self._publish_at is not None
        if now < (self._publish_at or self._next_offer):
            return None
        if is_new:
            self._heard[own.account_key] = max(own, self._heard.get(own.account_key, own), key=_version)
        self._publish_at, self._next_offer = None, now + self._offer_every
        return own

    def _sign(self, key: str, now: int, delay: int) -> AccountData:
        before = [item.version for item in (self._own, self._heard.get(key)) if item is not None]
        self._own = AccountData(key, self._peer_id, self._proxies, 1 + max(before, default=0), now)
        self._overruled = False
        if self._publish_at is None:
            self._publish_at = now + delay
        return self._own


def _version(item: AccountData) -> int:
    return item.version
