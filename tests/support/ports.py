"""Ports of loopback for servers of tests: never the same one twice in a run."""

from __future__ import annotations

import itertools
import os
import socket

# Below Linux's range for outgoing connections (net.ipv4.ip_local_port_range begins at 32768): a port that was found
# free here is not taken by somebody's connection before its server listens.
_FIRST, _COUNT = 20_000, 12_000
_numbers = itertools.count(os.getpid() * 97)


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens now, and which no earlier call has returned.

    A port that the system chooses is free again as soon as it was looked at, so two calls may choose the same one.
    Raises RuntimeError when every port of the range is taken.
    """
    for number in itertools.islice(_numbers, _COUNT):
        port = _FIRST + number % _COUNT
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise RuntimeError(f"every port of 127.0.0.1 from {_FIRST} to {_FIRST + _COUNT - 1} is taken")
