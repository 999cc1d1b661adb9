"""Stands between a supervisor and its Consul, and answers in its place when a test wants it to."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Iterator

from support.accepting import Accepting

_PATIENCE_S = 0.05
_PIECE = 65536


class SwitchableProxy:
    """Passes bytes on to ``port``; after ``answer_with`` it answers every request with those bytes instead."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._said: bytes | None = None
        self._ended = threading.Event()
        self._round = 0
        self.requests = 0
        self._accepting = Accepting(self._serve)
        self.url = f"http://127.0.0.1:{self._accepting.port}"

    def answer_with(self, said: bytes) -> None:
        """From now on ``said`` is all that comes back, also on connections that are open."""
        self._said = said
        self._round += 1

    def pass_on(self) -> None:
        """Be transparent again."""
        self._said = None
        self._round += 1

    def close(self) -> None:
        """End."""
        self._ended.set()
        self._accepting.close()

    def _serve(self, connection: socket.socket) -> None:
        if self._said is None:
            self._relay(connection)
        elif connection.recv(_PIECE):
            self.requests += 1
            connection.sendall(self._said)

    def _relay(self, connection: socket.socket) -> None:
        began = self._round
        with socket.create_connection(("127.0.0.1", self._target)) as upstream:
            other = {connection: upstream, upstream: connection}
            while self._round == began and not self._ended.is_set():
                for ready in select.select(list(other), [], [], _PATIENCE_S)[0]:
                    piece = ready.recv(_PIECE)
                    if not piece:
                        return
                    other[ready].sendall(piece)


@contextlib.contextmanager
def proxy_to(port: int) -> Iterator[SwitchableProxy]:
    """A transparent proxy for the length of a ``with`` block."""
    proxy = SwitchableProxy(port)
    try:
        yield proxy
    finally:
        proxy.close()
