"""A small HTTP/1.1 server whose misbehaviour can be ordered: hang, 503, slow answers, refused connections."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from . import settings

_HEAD_MAX = 64 * 1024
_BODY_MAX = 10 * 1024 * 1024


@dataclass(frozen=True)
class Request:
    """What a handler gets; ``path`` without the query."""

    method: str
    path: str
    body: bytes


@dataclass(frozen=True)
class Response:
    """What a handler answers."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"


Handler = Callable[[Request], Response]


class HttpServer:
    """One listening address. The knob ``rpc_fault`` acts on it while it runs."""

    def __init__(self, host: str, port: int, handler: Handler) -> None:
        self._host, self._port = host, port
        self.handler = handler
        self.fault = "none"
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    async def listen(self) -> None:
        """Open the address; OSError if it is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), self._host, self._port, reuse_address=True)

    async def set_fault(self, fault: str) -> None:
        """Misbehave in this way from now on. What hung is answered when the fault ends."""
        self.fault = fault
        if fault == "refuse":
            self.close()
        elif self._server is None:
            with contextlib.suppress(OSError):
                await self.listen()
        for connection in list(self._connections):
            connection.resume()

    def close(self) -> None:
        """Stop listening and cut all connections."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._connections):
            connection.abort()

    def opened(self, connection: _Connection) -> None:
        """A client has connected."""
        self._connections.add(connection)

    def gone(self, connection: _Connection) -> None:
        """A client has left."""
        self._connections.discard(connection)


class _Connection(asyncio.Protocol):
    """One client; requests are answered in their order, the connection is kept unless the client says no."""

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what asyncio gives for TCP
        self._transport = transport
        self._server.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._waiting is not None:
            self._waiting.cancel()
        self._server.gone(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._waiting is None:
            self.resume()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def resume(self) -> None:
        """Answer what can be answered now."""
        if self._server.fault == "hang" or self._waiting is not None:
            return
        while self._transport is not None and b"\r\n\r\n" in self._buffer:
            head, _blank, rest = self._buffer.partition(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            headers = {key.lower(): value.strip() for key, _colon, value in (line.partition(":") for line in lines[1:])}
            length = headers.get("content-length", "0")
            words = lines[0].split(" ")
            if len(words) != 3 or not length.isdecimal() or int(length) > _BODY_MAX:  # noqa: PLR2004 - method, path, version
                self._send(Response(HTTPStatus.BAD_REQUEST), keep=False, with_body=True)
                return
            if len(rest) < int(length):
                return
            body, self._buffer = rest[: int(length)], rest[int(length) :]
            delay_ms = settings.fault_delay_ms(self._server.fault)
            keep = headers.get("connection", "").lower() != "close" and words[2] != "HTTP/1.0"
            request = Request(words[0], words[1].partition("?")[0], body)
            if delay_ms:
                loop = asyncio.get_running_loop()
                self._waiting = loop.call_later(delay_ms / 1000, self._answer_late, request, keep)
                return
            self._answer(request, keep=keep)
        if len(self._buffer) > _HEAD_MAX + _BODY_MAX:
            self.abort()

    def _answer_late(self, request: Request, keep: bool) -> None:
        self._waiting = None
        self._answer(request, keep=keep)
        self.resume()

    def _answer(self, request: Request, *, keep: bool) -> None:
        if self._server.fault == "503":
            response = Response(HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            response = self._server.handler(request)
        self._send(response, keep=keep, with_body=request.method != "HEAD")

    def _send(self, response: Response, *, keep: bool, with_body: bool) -> None:
        if self._transport is None:
            return
        head = (
            f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}\r\n"
            f"content-type: {response.content_type}\r\ncontent-length: {len(response.body)}\r\n"
            f"connection: {'keep-alive' if keep else 'close'}\r\n\r\n"
        )
        self._transport.write(head.encode() + (response.body if with_body else b""))
        if not keep:
            self._transport.close()
