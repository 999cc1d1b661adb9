"""Which connections of a process would be cut."""

from __future__ import annotations

import os
import socket

from near_bench.packet_filter import established


def test_established_are_those_of_the_process_that_are_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as near:
        far, _address = server.accept()
        with far:
            pair = (*near.getsockname(), *near.getpeername())
            assert pair in established(os.getpid())
            assert (*far.getsockname(), *far.getpeername()) in established(os.getpid())
            assert not [one for one in established(os.getpid()) if one[:2] == server.getsockname() and one[3] == 0]
        assert pair not in established(os.getppid())
