"""The client of the control socket, against everything that may be behind that path."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import pytest

from near_ha.errors import ControlError
from near_ha.transport import control_client
from support.control_answers import behind, http

TIMEOUT_S = 0.3


def refused(path: Path) -> ControlError:
    with pytest.raises(ControlError) as caught:
        control_client.call(path, "GET", "/status", timeout=TIMEOUT_S)
    return caught.value


def test_an_answer_is_the_json_object(tmp_path: Path) -> None:
    with behind(tmp_path / "s", http(b'{"state": "Voting"}')) as got:
        answer = control_client.call(tmp_path / "s", "POST", "/promote", {"why": "test"}, TIMEOUT_S)
    assert answer == {"state": "Voting"}
    assert got[0].startswith(b"POST /promote HTTP/1.1\r\n")
    assert got[0].endswith(b'\r\n\r\n{"why": "test"}')


def test_a_refusal_is_passed_on_in_the_supervisors_words(tmp_path: Path) -> None:
    body = json.dumps({"error": "no such node 'x'", "hint": "There are: a, b"}).encode()
    with behind(tmp_path / "s", http(body, "409 Conflict")):
        error = refused(tmp_path / "s")
    assert str(error) == "no such node 'x'. There are: a, b"


@pytest.mark.parametrize(
    ("make", "message", "hint"),
    [
        pytest.param(lambda path: None, "no control socket at", "--run-dir", id="no socket"),
        pytest.param(
            lambda path: socket.socket(socket.AF_UNIX).bind(str(path)), "does not answer (", "Is it running", id="stale"
        ),
        pytest.param(lambda path: path.write_text(""), "does not answer (", "Is it running", id="a plain file"),
    ],
)
def test_nobody_there(tmp_path: Path, make: Callable[[Path], object], message: str, hint: str) -> None:
    make(tmp_path / "s")
    error = refused(tmp_path / "s")
    assert message in error.message
    assert str(tmp_path / "s") in error.message
    assert hint in error.hint


def test_a_path_too_long_for_a_socket_is_no_crash(tmp_path: Path) -> None:
    assert "does not answer" in refused(tmp_path / ("x" * 120)).message


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take the rights of somebody else")
def test_no_rights_to_the_socket(tmp_path: Path) -> None:
    with behind(tmp_path / "s", http(b"{}")):
        os.seteuid(65534)
        try:
            error = refused(tmp_path / "s")
        finally:
            os.seteuid(0)
    assert "no access to the control socket" in error.message
    assert "group" in error.hint


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(http(b"garbage"), id="not JSON"),
        pytest.param(http(b"[1, 2]"), id="a list"),
        pytest.param(http(b"[" * 100_000), id="nested without end"),
        pytest.param(http(b"\xff\xfe"), id="not text"),
        pytest.param(http(b"x" * 2_000_000), id="too much"),
        pytest.param(b'HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\n{"sta', id="cut off"),
        pytest.param(http(b"oops", "500 Internal Server Error"), id="an error without JSON"),
    ],
)
def test_an_answer_that_is_no_json_object_is_refused_by_path(tmp_path: Path, said: bytes) -> None:
    with behind(tmp_path / "s", said):
        error = refused(tmp_path / "s")
    assert str(tmp_path / "s") in error.message
    assert "not a JSON object" in error.message


@pytest.mark.parametrize(
    "said",
    [b"", b"SSH-2.0-OpenSSH_9.6\r\n", None],
    ids=["closed", "another protocol", "silent"],
)
def test_what_does_not_answer_is_given_up_in_time(tmp_path: Path, said: bytes | None) -> None:
    began = monotonic()
    with behind(tmp_path / "s", said):
        error = refused(tmp_path / "s")
        assert monotonic() - began < 10 * TIMEOUT_S
    assert "does not answer" in error.message
