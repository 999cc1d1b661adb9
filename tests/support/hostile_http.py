"""An HTTP server on loopback that answers what a test wants, however wrong: its clients must survive it."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from time import monotonic

from support.accepting import Accepting

Script = dict[str, bytes]

HANG = b"<hang>"
"""In place of an answer: the request is read, and nothing is said."""
DRIBBLE = b"<dribble>"
"""In place of an answer: a header that never ends, one byte at a time."""
FLOOD = b"<flood>"
"""At the end of an answer: from there on x without end, as fast as they are taken."""
CLOSE = b""
"""In place of an answer: the connection is closed."""

_DRIBBLE_S = 0.02
_LONGEST_S = 20.0


def answer(body: bytes | object, status: str = "200 OK", **headers: str) -> bytes:
    """A well-formed HTTP answer; a body that is not bytes is sent as JSON. ``X_Consul_Index="1"`` names a header."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(raw)}", "Content-Type: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + raw


class HostileServer:
    """Answers each path with the bytes of ``script``; ``script["*"]`` for all others. Change it while it runs."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[str] = []
        self._ended = threading.Event()
        self._accepting = Accepting(self._serve)
        self.port = self._accepting.port

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """http://HOST:PORT."""
        return f"http://{self.address}"

    def close(self) -> None:
        """Stop listening and let go of every connection."""
        self._ended.set()
        self._accepting.close()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(_LONGEST_S)
        while (head := _read_request(connection)) and not self._ended.is_set():
            method, target = head.split(" ")[:2]
            path = target.partition("?")[0]
            self.requests.append(f"{method} {path}")
            said = self.script.get(path, self.script.get("*", CLOSE))
            if said == HANG:
                self._ended.wait(_LONGEST_S)
                return
            if said == DRIBBLE:
                self._dribble(connection)
                return
            if said == CLOSE:
                return
            connection.sendall(said.removesuffix(FLOOD))
            while said.endswith(FLOOD) and not self._ended.is_set():
                connection.sendall(b"x" * 65536)
            if "\r\nconnection: close" in head.lower():
                return

    def _dribble(self, connection: socket.socket) -> None:
        end = monotonic() + _LONGEST_S
        connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while monotonic() < end and not self._ended.wait(_DRIBBLE_S):
            connection.sendall(b"x")


def _read_request(connection: socket.socket) -> str:
    """The head of the next request, after its body has been read too; "" at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return ""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        piece = connection.recv(65536)
        if not piece:
            return ""
        body += piece
    return head.decode(errors="replace")


@contextlib.contextmanager
def hostile(script: Script | bytes) -> Iterator[HostileServer]:
    """A server for the length of a ``with`` block; bytes alone are the answer to everything."""
    server = HostileServer({"*": script} if isinstance(script, bytes) else script)
    try:
        yield server
    finally:
        server.close()
