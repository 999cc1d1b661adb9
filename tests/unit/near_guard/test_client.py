"""The supervisor's connection: one at a time, whatever it asks for, and the next one finds all there is."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.guard_rig import GuardRig, wait_for

SLEEP = ("sleep", "60")


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[GuardRig]:
    with GuardRig(tmp_path) as running:
        yield running


def test_neard_outlives_its_supervisor_and_is_found_again(rig: GuardRig) -> None:
    pid = rig.start(*SLEEP, armed=True, ms=60_000, tag="s/3")["pid"]
    rig.socket.close()
    wait_for(lambda: rig._connected() and "ok" in rig.ask("hello"), "the guard takes another supervisor")
    found = rig.ask("hello")["neard"]
    assert (found["pid"], found["armed"], found["tag"]) == (pid, True, "s/3")


def test_the_end_of_a_neard_is_kept_for_the_supervisor_that_comes_back(rig: GuardRig) -> None:
    pid = rig.start(*SLEEP, armed=True, tag="s/3")["pid"]
    rig.socket.close()
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not rig.link.is_symlink(), "the guard has seen the end")
    wait_for(lambda: rig._connected() and "ok" in rig.ask("hello"), "the guard takes another supervisor")
    hello = rig.ask("hello")
    assert hello["neard"] is None
    assert (hello["last_exit"]["pid"], hello["last_exit"]["armed"], hello["last_exit"]["tag"]) == (pid, True, "s/3")


def test_a_second_supervisor_is_turned_away(rig: GuardRig) -> None:
    rig.ask("hello")
    first = rig.socket
    assert rig._connected()
    assert b"busy" in rig.socket.recv(100)
    rig.socket.close()
    rig.socket = first
    assert rig.ask("hello")["ok"]


@pytest.mark.parametrize("line", [b"garbage", b"[]", b'{"do": "dance"}', b'{"do": "start"}', b'{"do": "deadline"}'])
def test_what_it_does_not_understand_it_refuses_and_goes_on(rig: GuardRig, line: bytes) -> None:
    rig.socket.sendall(line + b"\n")
    assert "error" in next(rig._messages())
    assert rig.ask("hello")["ok"]


def test_an_id_that_is_nested_as_deep_as_can_be_read_does_not_end_it(rig: GuardRig) -> None:
    """Where it could be read and not be written again, the guard ended, and with it neard."""
    answers = rig.socket.makefile("rb")
    for depth in range(900, 1010):
        rig.socket.sendall(b'{"do": "hello", "id": ' + b"[" * depth + b"]" * depth + b"}\n")
        # Not read as JSON: here the stack is deeper than the guard's.
        assert answers.readline(), f"the guard has ended at a depth of {depth}"
    assert rig.ask("hello")["ok"]
