"""A server of the tests that was closed takes no connection of the next one."""

from __future__ import annotations

import socket

from support.accepting import Accepting


def say(what: bytes, connection: socket.socket) -> None:
    connection.sendall(what)


def heard(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        return connection.recv(10)


def test_the_next_one_gets_its_own_connections() -> None:
    for turn in range(1000):
        before = Accepting(lambda connection: say(b"old", connection))
        # Its thread is most likely on its way back into accept() when it is closed.
        socket.create_connection(("127.0.0.1", before.port), 5).close()
        before.close()
        # On the descriptor that was given back.
        after = Accepting(lambda connection: say(b"new", connection))
        try:
            assert heard(after.port) == b"new", f"in turn {turn}"
        finally:
            after.close()
