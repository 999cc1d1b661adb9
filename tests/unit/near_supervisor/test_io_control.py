"""The control socket, asked by its own client and by clients that misbehave."""

from __future__ import annotations

import grp
import json
import os
import pwd
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from near_ha.errors import BadConfig, ConsulRefused, ConsulUnknown, ControlError, ControlRefused, NearError, Refused
from near_ha.transport import control_client
from near_supervisor.io import control
from near_supervisor.io.control import Asked, ControlServer, Then
from support.waiting import until

ROUTES: dict[tuple[str, str], Any] = {
    ("GET", "/status"): lambda _asked: {"state": "Voting"},
    ("POST", "/detach"): lambda _asked: {"detaching": True},
    ("POST", "/echo"): lambda asked: {"body": asked.body, "peer": asked.peer},
    ("GET", "/bug"): lambda _asked: 1 / 0,
}
TIMEOUT_S = 5.0


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "control.sock"
    server = ControlServer(path, ROUTES)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a traceback of /bug is expected
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield path
    server.shutdown()
    server.server_close()
    thread.join()


def raw(path: Path, said: bytes) -> bytes:
    """What comes back, up to the end."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(TIMEOUT_S)
        client.connect(str(path))
        client.sendall(said)
        client.shutdown(socket.SHUT_WR)
        got = b""
        while piece := client.recv(65536):
            got += piece
    return got


def test_a_route_answers_with_its_object(path: Path) -> None:
    assert control_client.call(path, "GET", "/status") == {"state": "Voting"}
    assert control_client.call(path, "GET", "/status?verbose=1") == {"state": "Voting"}
    assert control_client.call(path, "POST", "/detach") == {"detaching": True}


def test_what_ends_the_process_is_done_after_its_answer(path: Path) -> None:
    seen = []
    ROUTES["POST", "/last"] = lambda _asked: Then({"going": True}, lambda: seen.append(raw_ended.wait(TIMEOUT_S)))
    raw_ended = threading.Event()
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(TIMEOUT_S)
        client.connect(str(path))
        client.sendall(b"POST /last HTTP/1.0\r\n\r\n")
        got = b""
        while b"going" not in got:
            got += client.recv(65536)
        assert seen == [], "the answer is here before the act"
        raw_ended.set()
    until("it is done", lambda: seen == [True])


def test_a_body_is_taken_whether_or_not_the_route_wants_one(path: Path) -> None:
    for size in (2, 1_000, 500_000):
        assert control_client.call(path, "POST", "/detach", {"why": "x" * size}) == {"detaching": True}


def test_a_route_is_told_what_was_said_and_who_said_it(path: Path) -> None:
    me = f"{pwd.getpwuid(os.getuid()).pw_name} (pid {os.getpid()})"
    assert control_client.call(path, "POST", "/echo", {"why": "ü"}) == {"body": {"why": "ü"}, "peer": me}
    assert control_client.call(path, "POST", "/echo") == {"body": {}, "peer": me}


@pytest.mark.parametrize("body", [[], "promote", 1, None, True])
def test_a_body_that_is_no_object_is_refused(path: Path, body: object) -> None:
    raw_body = json.dumps(body).encode()
    answer = raw(path, b"POST /echo HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(raw_body) + raw_body)
    assert answer.startswith(b"HTTP/1.0 400 "), answer
    assert b"the request's body is not a JSON object" in answer


@pytest.mark.parametrize(
    "headers",
    [b"Content-Length: 15", b"Transfer-Encoding: chunked", b"Content-Length: +15", b"Content-Length: " + b"9" * 5_000,
     b"Content-Length: 1048577", b"Content-Length: 2\r\nTransfer-Encoding: chunked"],
)  # fmt: skip
def test_a_body_that_does_not_come_whole_is_refused(path: Path, headers: bytes) -> None:
    """A rehearsal whose body is lost must not be the real thing."""
    body = b"{}" if b"Length: 2" in headers else b""
    answer = raw(path, b"POST /echo HTTP/1.0\r\n" + headers + b"\r\n\r\n" + body)
    assert answer.startswith(b"HTTP/1.0 400 "), answer
    assert b"the request's body did not come whole" in answer


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (BadConfig("timeout_ms is -1", "Give more"), 400),
        (ConsulRefused("the token may not write", "Give it the right"), 403),
        (Refused("b is not ready", "Wait"), 409),
        (NearError("something else"), 500),
        (ConsulUnknown("Consul has no leader", "Wait"), 503),
    ],
)
def test_what_a_route_raises_is_its_answer(path: Path, error: NearError, status: int) -> None:
    def refusing(_asked: Asked) -> Any:
        raise error

    ROUTES["POST", "/refuse"] = refusing
    with pytest.raises(ControlRefused) as caught:
        control_client.call(path, "POST", "/refuse")
    assert (caught.value.status, caught.value.message, caught.value.hint) == (status, error.message, error.hint)


@pytest.mark.parametrize(("method", "route"), [("GET", "/"), ("GET", "/detach"), ("POST", "/status"), ("GET", "/x")])
def test_an_unknown_route_is_refused_with_those_that_exist(path: Path, method: str, route: str) -> None:
    with pytest.raises(ControlError) as caught:
        control_client.call(path, method, route)
    assert caught.value.message == f"there is no {method} {route}"
    assert "GET /status, POST /detach" in caught.value.hint


def test_only_its_user_and_group_may_connect(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o660
    try:
        group = grp.getgrnam(control.SOCKET_GROUP).gr_gid
    except KeyError:
        group = os.getegid()
    assert path.stat().st_gid == group


def test_a_socket_that_was_left_behind_is_replaced(tmp_path: Path) -> None:
    left = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(left))
    server = ControlServer(left, ROUTES)
    server.server_close()


@pytest.mark.parametrize(
    "said", [b"", b"\n", b"garbage\r\n\r\n", b"\x16\x03\x01", b"GET\r\n\r\n", b"GET /status HTTP/9.9\r\n\r\n",
             b"PUT /status HTTP/1.1\r\n\r\n", b"POST /detach HTTP/1.1\r\nContent-Length: x\r\n\r\n",
             b"GET " + b"x" * 70_000]
)  # fmt: skip
def test_nonsense_does_not_stop_the_next_one(path: Path, said: bytes) -> None:
    raw(path, said)
    assert control_client.call(path, "GET", "/status") == {"state": "Voting"}


def test_a_bug_in_one_route_does_not_stop_the_others(path: Path) -> None:
    with pytest.raises(ControlError):
        control_client.call(path, "GET", "/bug")
    assert control_client.call(path, "GET", "/status") == {"state": "Voting"}


def test_a_silent_client_keeps_nobody_waiting(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(path))
        assert control_client.call(path, "GET", "/status", timeout=1) == {"state": "Voting"}
