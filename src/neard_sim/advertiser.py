"""Says to the others which validator key this node holds, and hears it of them: AccountData, and claims of links.

A key that is given up while the node runs on stays registered with its peers for ``network.tier1.connect_interval``, as
the connections made for it do; it is offered again at that pace where it was refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import clock
from .accounts import AccountData, Accounts
from .config import show_address
from .link import Link, encode

if TYPE_CHECKING:
    from .node import Node


class Advertiser:
    """The statements of one node. Call ``tick`` often: nothing here has a timer."""

    def __init__(self, node: Node) -> None:
        self._node = node
        me, config = node.identity, node.config
        addr = show_address(me.host, me.port) if me.host and me.port else None
        self._linger = config.tier1_connect_interval
        self._accounts = Accounts(me.peer_id, addr, self._linger, config.tier1_advertise_interval)
        self._key: str | None = None
        self._let_go_at: int | None = None

    def key(self) -> str | None:
        """The key that this node holds."""
        return self._key

    def hold(self, key: str | None) -> None:
        """From now on it holds this key; None: none."""
        if self._key is not None and key is None:
            self._let_go_at = clock.wall_ns() + self._linger
        elif key is not None:
            self._let_go_at = None
        self._key = key
        self._accounts.hold(key)

    def tick(self) -> None:
        """Send what is due."""
        now = clock.wall_ns()
        if self._let_go_at is not None and now >= self._let_go_at:
            self._let_go_at = None
            self._node.peers.offer_key(None)
        item = self._accounts.due(now, self._keys(), self._node.settings.account_data_delay_ms * clock.NS_PER_MS)
        if item is not None:
            self._node.peers.broadcast(_message([item]))
            self._node.peers.offer_key(self._key)

    def greet(self, link: Link) -> None:
        """A new peer: tell it all that the others know."""
        link.send(_message(self._accounts.known(self._keys())))

    def hear(self, link: Link, wires: list[Any]) -> None:
        """Statements have come; pass on the new ones."""
        items = [AccountData.from_wire(wire) for wire in wires]
        fresh = [item for item in items if self._accounts.hear(item, self._keys())]
        if fresh:
            self._node.peers.pass_on(_message(fresh), link)

    def shown(self) -> list[AccountData]:
        """What this node believes, for validators of this epoch and the next."""
        return self._accounts.shown(self._keys())

    def _keys(self) -> set[str]:
        epoch = self._node.chain.head.epoch
        return {seat.public_key for seat in (*epoch.validators, *epoch.next_validators)}


def _message(items: list[AccountData]) -> bytes:
    return encode("accounts", [item.to_wire() for item in items])
