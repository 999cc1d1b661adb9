from __future__ import annotations

import os
import socket

import pytest

from near_localnet.ports import Port, listening_inodes, require_free
from near_localnet.problem import Problem

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2134 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0 100 0 0 10 0
   1: 0100007F:2134 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 222 1 0 100 0 0 10 0
   2: 0200007F:2134 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 444 1 0 100 0 0 10 0
   3: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 333 1 0 100 0 0 10 0
"""


def test_only_listening_sockets_of_the_port_count() -> None:
    assert listening_inodes(TABLE, "127.0.0.1", 8500) == ["111"]
    assert listening_inodes(TABLE, "127.0.0.2", 8500) == ["444"]
    assert listening_inodes(TABLE, "127.0.0.9", 22) == ["333"], "all addresses include this one"
    assert listening_inodes("", "127.0.0.1", 22) == []


def test_a_taken_port_is_named_with_its_holder_and_its_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        with pytest.raises(Problem) as caught:
            require_free([Port("127.0.0.1", number, "consul1 (http)")], "Do something else.")
    message = caught.value.message
    assert f"127.0.0.1:{number}" in message
    assert "consul1 (http)" in message
    assert f"(pid {os.getpid()})" in message
    assert caught.value.hint == "Do something else."


def test_a_port_that_was_just_closed_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
    require_free([Port("127.0.0.1", number, "x")], "")
