"""Something behind the path of a control socket that says what a test has written down for it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def behind(path: Path, said: bytes | None) -> Iterator[list[bytes]]:
    """Something that says ``said`` to its first client, or nothing at all (None); what it was sent."""
    got: list[bytes] = []
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(1)
    over = threading.Event()

    def serve() -> None:
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(10)
                got.append(connection.recv(65536))
                # A body follows the head in a piece of its own.
                while said is not None and got[-1].startswith(b"POST") and not got[-1].endswith(b"}"):
                    got[-1] += connection.recv(65536)
                if said is None:
                    over.wait(10)
                else:
                    connection.sendall(said)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield got
    finally:
        over.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def http(body: bytes, status: str = "200 OK") -> bytes:
    """An answer over HTTP."""
    return f"HTTP/1.0 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
