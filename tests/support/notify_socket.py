"""A service manager's end of ``NOTIFY_SOCKET``."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

from support.waiting import until


class NotifySocket:
    """A datagram socket at a path, or at an abstract address when it begins with ``@``."""

    def __init__(self, address: str | Path) -> None:
        self.address = str(address)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + self.address[1:] if self.address.startswith("@") else self.address)
        self._socket.setblocking(False)
        self.heard: list[str] = []

    def read(self) -> list[str]:
        """Everything that was said so far, line by line."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.heard += self._socket.recv(4096).decode().split("\n")
        return self.heard

    def new(self) -> list[str]:
        """What was said since the last call of ``new``."""
        self.heard = []
        return self.read()

    def hears(self, words: str, timeout_s: float = 15) -> str:
        """Wait for a line with these words in it."""
        return until(
            f"the service manager hears {words!r}",
            lambda: next((line for line in self.read() if words in line), None),
            lambda: "\n".join(self.heard),
            timeout_s,
        )

    def fill(self) -> int:
        """Say things to it until it takes no more; how many those were."""
        count = 0
        with contextlib.suppress(BlockingIOError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.setblocking(False)
            while True:
                channel.sendto(b"STATUS=full", self._socket.getsockname())
                count += 1
        return count

    def close(self) -> None:
        """Be dead."""
        self._socket.close()


@contextlib.contextmanager
def notify_socket(address: str | Path) -> Iterator[NotifySocket]:
    """A listening socket for the length of a ``with`` block."""
    listening = NotifySocket(address)
    try:
        yield listening
    finally:
        listening.close()
