"""Says to the others which validator key this node holds, and hears it of them: AccountData, and claims of links.

A key that is given up while the node runs on stays registered with its peers for ``network.tier1.connect_interval``, as
the connections made for it do; it is offered again at that pace where it was refused.
"""

from __future__ import annotations

from typing import Any, Protocol

from . import clock
from .accounts import AccountData, Accounts
from .chain import Chain
from .config import NodeConfig, show_address
from .gossip import Gossip
from .link import Link, encode
from .peers import Identity, Peers
from .settings import Settings


class AdvertisedNode(Protocol):
    """What is needed of the node that is spoken for."""

    identity: Identity
    config: NodeConfig
    settings: Settings
    chain: Chain
    peers: Peers


class Advertiser:
    """The statements of one node. Call ``tick`` often: nothing here has a timer."""

    def __init__(self, node: AdvertisedNode) -> None:
        self._node = node
        me, config = node.identity, node.config
        addr = show_address(me.host, me.port) if me.host and me.port else None
        self._linger = config.tier1_connect_interval
        self._accounts = Accounts(me.peer_id, addr, config.tier1_advertise_interval)
        self._gossip: Gossip[Link] = Gossip()
        self._key: str | None = None
        self._offer_at = 0
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
        self._key, self._offer_at = key, 0
        self._accounts.hold(key)

    def tick(self) -> None:
        """Send what is due."""
        now = clock.wall_ns()
        if self._let_go_at is not None and now >= self._let_go_at:
            self._let_go_at = None
            self._node.peers.offer_key(None)
        item = self._accounts.due(now, self._keys(), self._node.settings.account_data_delay_ms * clock.NS_PER_MS)
        if item is not None:
            self._gossip.add(self._links(), [item])
        # Peers connect to the addresses of a statement, so there is nothing to offer before the first one.
        if self._key is not None and self._accounts.says(self._key) and now >= self._offer_at:
            self._offer_at = now + self._linger
            self._node.peers.offer_key(self._key)
        self._send(now)

    def greet(self, link: Link) -> None:
        """A new peer: tell it all that the others know."""
        link.send(_message(self._accounts.known(self._keys())))

    def hear(self, wires: list[Any]) -> None:
        """Statements have come; pass on what is new, or the answer to it."""
        now, keys = clock.wall_ns(), self._keys()
        heard = [self._accounts.hear(AccountData.from_wire(wire), now, keys) for wire in wires]
        self._gossip.add(self._links(), [item for item in heard if item is not None])
        self._send(now)

    def shown(self) -> list[AccountData]:
        """What this node believes, for validators of this epoch and the next."""
        return self._accounts.known(self._keys())

    def holders(self) -> dict[str, str]:
        """The peer id of the holder of each key, as this node believes."""
        return self._accounts.holders()

    def _send(self, now: int) -> None:
        for link, items in self._gossip.due(now, self._links()):
            link.send(_message(items))

    def _links(self) -> list[Link]:
        return list(self._node.peers.links.values())

    def _keys(self) -> set[str]:
        epoch = self._node.chain.head.epoch
        return {seat.public_key for seat in (*epoch.validators, *epoch.next_validators)}


def _message(items: list[AccountData]) -> bytes:
    return encode("accounts", [item.to_wire() for item in items])
