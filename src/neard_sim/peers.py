"""The network of one node: listening, dialling, introductions, gossip about peers, and cuts.

Every node connects to every other one it hears of. Each introduction is followed by the list of the
sender's own links; a message is passed on only to peers that its sender is not linked to. Introductions
are not authenticated: this network stands in for NEAR's, on one host. A node says which validator key it
holds in its introduction, or later, and what is for validators can be kept to the links of holders.

A link that is cut and then ended by the other side is dead, not gone: had packets really been dropped, nothing
of that end would have arrived. It keeps the node key and the validator key of a host that is lost.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import log
from .config import PeerAddress
from .key_routes import KeyRoutes
from .link import NEVER, Link, PeerInfo, encode, resent_after_s
from .settings import Settings

_RETRY_MAX_S = 2.0
_HELLO = "hello"
_LINKS = "links"
_KEY = "key"


@dataclass
class _Known:
    """An address to dial. ``peer_id`` and ``name`` once somebody has said who is there."""

    peer_id: str | None
    name: str
    pause_s: float
    next_try: float = 0.0
    dialing: bool = False


@dataclass(frozen=True)
class Identity:
    """What this node says of itself."""

    peer_id: str
    name: str
    account: str | None
    genesis_hash: str
    host: str
    """Where peers reach it; empty: at the address they see it connect from."""
    port: int


class Peers:
    """All links of one node. ``on_message(link, kind, body, line)`` gets what is not about links."""

    def __init__(
        self,
        me: Identity,
        settings: Settings,
        greeting: Callable[[], list[Any]],
        on_message: Callable[[Link, str, list[Any], bytes], None],
        on_change: Callable[[], None],
        *,
        own_key: Callable[[], str | None],
        holders: Callable[[], dict[str, str]],
    ) -> None:
        self._me = me
        self._own_key = own_key
        self._holders = holders
        self.routes: KeyRoutes[Link] = KeyRoutes(enabled=settings.key_routing)
        self._instance = os.urandom(8).hex()
        self._settings = settings
        self._greeting = greeting
        self._on_message = on_message
        self._on_change = on_change
        self._loop = asyncio.get_running_loop()
        self._known: dict[tuple[str, int], _Known] = {}
        self._open: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._gossip_due = False
        self.links: dict[str, Link] = {}

    async def listen(self, host: str, port: int) -> None:
        """Accept peers; OSError if the address is taken."""
        await self._loop.create_server(lambda: self._link(None), host, port, reuse_address=True)

    def learn(self, address: PeerAddress, name: str = "") -> None:
        """Dial this address, now and whenever its peer is not connected."""
        where = (address.host, address.port)
        if address.peer_id == self._me.peer_id and where == (self._me.host, self._me.port):
            return
        if where not in self._known:
            self._known[where] = _Known(address.peer_id or None, name, self._settings.peer_retry_ms / 1000)
            self.dial()

    def addresses(self) -> list[dict[str, Any]]:
        """All known addresses, for the next start."""
        return [
            {"peer_id": item.peer_id or "", "name": item.name, "host": host, "port": port}
            for (host, port), item in self._known.items()
        ]

    def apply(self, settings: Settings) -> None:
        """Live knobs have changed: cut and mend links."""
        self._settings = settings
        for link in list(self._open):
            was_cut, link.cut = link.cut, link.info is not None and link.info.is_named_in(settings.partition)
            if link.cut and settings.partition_mode == "reset":
                self._end(link)
            elif link.dead:
                self._expect_reset(link, was_cut)
            elif was_cut and not link.cut and link not in self.links.values():
                # Its introduction was swallowed: only a new connection brings another.
                link.close()
        self.dial()

    def tick(self) -> None:
        """About ten times a second: dial again, close links that are silent for too long."""
        now = self._loop.time()
        limit = now - self._settings.link_dead_after_ms / 1000
        for link in list(self._open):
            if link.last_seen < limit:
                log.warn("network", "closing a link on which nothing arrives")
                self._end(link)
            elif link.reset_at <= now:
                log.info("network", "a dead connection is reset by the host that is back")
                self._end(link)
        self.dial()

    def dial(self) -> None:
        """Start a connection to every known address that has none and whose pause is over."""
        now = self._loop.time()
        names = self._settings.partition
        for where, item in self._known.items():
            is_cut = "all" in names or item.peer_id in names or (item.name and item.name in names)
            if item.dialing or is_cut or item.next_try > now or item.peer_id in self.links:
                continue
            item.dialing = True
            item.next_try = now + item.pause_s
            item.pause_s = min(2 * item.pause_s, _RETRY_MAX_S)
            task = self._loop.create_task(self._connect(where, item))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def broadcast(self, line: bytes, *, to_validators: bool = False) -> None:
        """Send to all peers, or to those that a validator key leads to."""
        for link in self.links.values():
            if not to_validators or self.leads_to_validator(link):
                link.send(line)

    def pass_on(self, line: bytes, origin: Link, *, to_validators: bool = False) -> None:
        """As broadcast(), but only to peers that ``origin``, where it came from, is not linked to itself."""
        for peer_id, link in self.links.items():
            if link is origin or peer_id in origin.linked or (to_validators and not self.leads_to_validator(link)):
                continue
            link.send(line)

    def offer_key(self, key: str | None) -> None:
        """Tell all peers that this node holds ``key``; None: none any more."""
        self.broadcast(encode(_KEY, key))

    def validators(self) -> list[PeerInfo]:
        """The peers that a registered key leads to; none without the knob ``key_routing``."""
        links = self.links.values() if self.routes.enabled else ()
        return [link.info for link in links if link.info is not None and self.routes.carries(link)]

    def leads_to_validator(self, link: Link) -> bool:
        """Whether what is for validators goes over this link.

        As in neard: over the connection that is registered for a key, else to the peer that AccountData names.
        """
        if self.routes.carries(link):
            return True
        peer = "" if link.info is None else link.info.peer_id
        return any(holder == peer and not self.routes.leads_to(key) for key, holder in self._holders().items())

    def close(self) -> None:
        """Close all links."""
        for link in list(self._open):
            link.close()

    async def _connect(self, where: tuple[str, int], item: _Known) -> None:
        try:
            await self._loop.create_connection(lambda: self._link(where), *where)
        except OSError:
            item.dialing = False

    def _link(self, dialed: tuple[str, int] | None) -> Link:
        return Link(self._opened, self._received, self._closed, dialed)

    def _opened(self, link: Link) -> None:
        link.last_seen = self._loop.time()
        self._open.add(link)
        if self.routes.enabled and link.dialed is None:
            # As neard does: who is called introduces itself once it has decided to take the caller.
            return
        if link.dialed is not None or "all" not in self._settings.partition:
            link.send_message(_HELLO, self._hello())

    def _hello(self) -> dict[str, Any]:
        me = self._me
        return {
            "id": me.peer_id, "instance": self._instance, "name": me.name, "account": me.account,
            "key": self._own_key(), "genesis": me.genesis_hash, "host": me.host, "port": me.port,
            "head": self._greeting(),
        }  # fmt: skip

    def _received(self, link: Link, line: bytes) -> None:
        if link.cut:
            return
        link.last_seen = self._loop.time()
        try:
            kind, *body = json.loads(line)
            if kind == _HELLO:
                self._introduce(link, body[0])
            elif link.info is None or self.links.get(link.info.peer_id) is not link:
                return
            elif kind == _LINKS:
                self._hear_links(link, body[0])
            elif kind == _KEY:
                self._register(link, link.info, _key_text(body[0]))
            else:
                self._on_message(link, kind, body, line)
        except (IndexError, KeyError, TypeError, ValueError) as error:
            log.warn("network", f"dropping a malformed message: {error!r}")
            link.close()

    def _introduce(self, link: Link, hello: dict[str, Any]) -> None:
        info = PeerInfo(
            str(hello["id"]),
            str(hello["instance"]),
            str(hello["name"]),
            hello["account"],
            _key_text(hello["key"]),
            str(hello["host"] or link.remote_host),
            int(hello["port"]),
        )
        link.info = info
        self._note_address(link, info)
        if info.is_named_in(self._settings.partition):
            link.cut = True
            if self._settings.partition_mode == "reset":
                link.close()
            return
        if hello["genesis"] != self._me.genesis_hash or not self._is_welcome(link, info):
            link.close()
            return
        old = self.links.get(info.peer_id)
        if not self._register(link, info, info.key, replaces=old):
            link.close()
            return
        if old is not None:
            old.close()
        self.links[info.peer_id] = link
        if self.routes.enabled and link.dialed is None:
            link.send_message(_HELLO, self._hello())
        self._gossip()
        self._on_message(link, "head", hello["head"], b"")
        self._on_change()

    def _register(self, link: Link, info: PeerInfo, key: str | None, replaces: Link | None = None) -> bool:
        """Whether no other link stands for this key; neard's words for it if one does."""
        first = self.routes.claim(key, link, replaces)
        if first is None:
            return True
        holder = "" if first.info is None else first.info.peer_id
        why = f"AlreadyConnectedAccount {{ peer_id: {holder}, account_key: {key} }}"
        log.warn("network", f"pool register failed id={info.peer_id} err={why}")
        return False

    def _note_address(self, link: Link, info: PeerInfo) -> None:
        for where in dict.fromkeys([(info.host, info.port), link.dialed]):
            if where is not None and where[1]:
                pause = self._settings.peer_retry_ms / 1000
                item = self._known.setdefault(where, _Known(info.peer_id, info.name, pause))
                item.peer_id, item.name = info.peer_id, info.name

    def _is_welcome(self, link: Link, info: PeerInfo) -> bool:
        """Whether this is the link to keep with its peer; the other one, if any, has to be closed then."""
        if info.peer_id == self._me.peer_id:
            return False
        old = self.links.get(info.peer_id)
        if old is None or old.info is None:
            return True
        if old.dead or old.info.instance != info.instance:
            # Two processes with one node key: the first one stays, even if only its connection is left of it.
            log.warn("network", f"dropping a second connection of peer {info.peer_id}")
            return False
        # Both sides dialled at once. Both keep the link that the smaller id dialled.
        dialer = self._me.peer_id if link.dialed is not None else info.peer_id
        return dialer == min(self._me.peer_id, info.peer_id)

    def _hear_links(self, link: Link, entries: list[Any]) -> None:
        link.linked = frozenset(str(entry[0]) for entry in entries)
        for peer_id, host, port, name in entries:
            if peer_id != self._me.peer_id:
                self.learn(PeerAddress(peer_id, host, port), name)

    def _gossip(self) -> None:
        """Tell all peers whom this node is linked to, once for all changes of a moment."""
        if not self._gossip_due:
            self._gossip_due = True
            self._loop.call_soon(self._send_links)

    def _send_links(self) -> None:
        self._gossip_due = False
        infos = [link.info for link in self.links.values() if link.info is not None and not link.dead]
        self.broadcast(encode(_LINKS, [[item.peer_id, item.host, item.port, item.name] for item in infos]))

    def _expect_reset(self, link: Link, was_cut: bool) -> None:
        """A dead link whose host is back ends with the next packet that is sent again, and not before."""
        now = self._loop.time()
        if link.cut:
            link.reset_at = NEVER
        elif was_cut:
            link.reset_at = now + resent_after_s(now - link.last_seen)

    def _end(self, link: Link) -> None:
        """End a link, dead or not."""
        if link.dead:
            self._forget(link)
        else:
            link.close()

    def _closed(self, link: Link) -> None:
        is_linked = link.info is not None and self.links.get(link.info.peer_id) is link
        if is_linked and link.cut and not link.closed_here:
            link.dead = True
            # What others send to this peer has to be passed on to it once it is back.
            self._gossip()
        else:
            self._forget(link)

    def _forget(self, link: Link) -> None:
        self._open.discard(link)
        self.routes.release(link)
        if link.dialed is not None and link.dialed in self._known:
            self._known[link.dialed].dialing = False
        if link.info is None or self.links.get(link.info.peer_id) is not link:
            return
        del self.links[link.info.peer_id]
        for item in self._known.values():
            if item.peer_id == link.info.peer_id:
                item.pause_s = self._settings.peer_retry_ms / 1000
                item.next_try = 0.0
        self._gossip()
        self._on_change()


def _key_text(key: Any) -> str | None:
    """A validator key, or none; TypeError for anything else."""
    if key is not None and not isinstance(key, str):
        raise TypeError("a key is a text")
    return key
