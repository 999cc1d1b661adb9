"""One TCP connection to a peer: lines of JSON, and what is known of the other side."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_LINE_MAX = 64 * 1024 * 1024
_RESENT_FIRST_S = 0.2
_RESENT_LAST_S = 120.0
NEVER = math.inf


@dataclass(frozen=True)
class PeerInfo:
    """Who is at the other end, as its first message says."""

    peer_id: str
    instance: str
    """A number of the process: two processes with one node key differ in it."""
    name: str
    """The name of its home directory."""
    account: str | None
    key: str | None
    """The validator key that the process held when the link was made."""
    host: str
    port: int

    def is_named_in(self, names: tuple[str, ...]) -> bool:
        """Whether the knob ``partition`` means this peer."""
        return "all" in names or self.peer_id in names or self.name in names or self.account in names


class Link(asyncio.Protocol):
    """A connection in either direction. ``info`` is None until the other side has said who it is."""

    def __init__(
        self,
        on_open: Callable[[Link], None],
        on_line: Callable[[Link, bytes], None],
        on_close: Callable[[Link], None],
        dialed: tuple[str, int] | None,
    ) -> None:
        self._on_open, self._on_line, self._on_close = on_open, on_line, on_close
        self._buffer = b""
        self._outgoing: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self.dialed = dialed
        self.info: PeerInfo | None = None
        self.cut = False
        self.dead = False
        """The other side has ended it, and nothing of that has arrived: it holds its keys, and carries nothing."""
        self.reset_at = NEVER
        """When a dead link that is mended hears from the other side's kernel that there is no such connection."""
        self.closed_here = False
        self.last_seen = 0.0
        self.height = 0
        self.greeted = False
        self.linked: frozenset[str] = frozenset()
        self.sent_bytes = 0
        self.received_bytes = 0

    @property
    def remote_host(self) -> str:
        """The address the other side connected from."""
        transport = self._transport
        name = transport.get_extra_info("peername") if transport is not None else None
        return str(name[0]) if name else ""

    def send(self, line: bytes) -> None:
        """Queue one line, without its end; swallowed on a closed or cut link."""
        if self._transport is None or self.cut:
            return
        self.sent_bytes += len(line) + 1
        if not self._outgoing:
            asyncio.get_running_loop().call_soon(self._flush)
        self._outgoing.append(line)

    def send_message(self, *parts: Any) -> None:
        """Queue ``parts`` as one message."""
        self.send(encode(*parts))

    def _flush(self) -> None:
        """Write what was queued in this turn of the loop, in one call."""
        if self._transport is not None and not self.cut:
            self._transport.write(b"\n".join([*self._outgoing, b""]))
        self._outgoing.clear()

    def close(self) -> None:
        """Close at once; the peer sees a reset."""
        self.closed_here = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is up."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what asyncio gives for TCP
        self._transport = transport
        self._on_open(self)

    def data_received(self, data: bytes) -> None:
        """Some bytes arrived; pass on the whole lines among them."""
        self.received_bytes += len(data)
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._on_line(self, line)
        if len(self._buffer) > _LINE_MAX:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, whoever ended it."""
        self._transport = None
        self._on_close(self)


def resent_after_s(lost_s: float) -> float:
    """How long after the end of a loss of ``lost_s`` seconds TCP sends again: its pauses double from try to try."""
    return min(max(lost_s, _RESENT_FIRST_S), _RESENT_LAST_S)


def encode(*parts: Any) -> bytes:
    """A message as one line, without its end."""
    return json.dumps(parts, separators=(",", ":")).encode()
