from __future__ import annotations

import os
import pwd
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from near_localnet import ports, processes
from near_localnet.ports import ListeningSocket, Port, listening_sockets, require_free
from near_localnet.problem import Problem
from support.ports import free_port

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2134 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0 100 0 0 10 0
   1: 0100007F:2134 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 222 1 0 100 0 0 10 0
   2: 0200007F:2134 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 444 1 0 100 0 0 10 0
   3: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 333 1 0 100 0 0 10 0
"""


def test_only_listening_sockets_of_the_port_count() -> None:
    assert listening_sockets(TABLE, "127.0.0.1", 8500) == [ListeningSocket("111", 0)]
    assert listening_sockets(TABLE, "127.0.0.2", 8500) == [ListeningSocket("444", 1000)]
    assert listening_sockets(TABLE, "127.0.0.9", 22) == [ListeningSocket("333", 0)], "all addresses include this one"
    assert listening_sockets("", "127.0.0.1", 22) == []


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


def test_one_holds_an_address_at_a_time() -> None:
    port = Port("127.0.0.1", free_port(), "a localnet that starts")
    with ports.held(port, "Wait."):
        with pytest.raises(Problem) as caught, ports.held(port, "Wait."):
            pytest.fail("two hold it")
        assert f"which a localnet that starts needs, is taken by {Path('/proc/self/comm').read_text().strip()}" in (
            caught.value.message
        )
    with ports.held(port, "Wait."):
        pass


def test_another_localnet_is_named_by_its_place(tmp_path: Path) -> None:
    listens = "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True)"
    listens += "; sys.stdin.read()"
    environ = {**os.environ, processes.DATA_VARIABLE: str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", listens], env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        assert f"(pid {other.pid}, of the localnet in {tmp_path})" in ports.listener(
            "127.0.0.1", int(other.stdout.readline())
        )
        other.kill()


def test_another_users_process_is_named_by_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_table", lambda name: TABLE.replace("1000", str(os.getuid())) if name == "tcp" else "")
    assert ports.listener("127.0.0.2", 8500) == f"a process of user {pwd.getpwuid(os.getuid()).pw_name}"
