"""What a service manager hears, and that nothing waits for it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from support.guard_rig import GuardRig, took, wait_for
from support.notify_socket import NotifySocket, notify_socket

SLEEP = ("sleep", "60")
DEAF = ("sh", "-c", "trap '' TERM; exec sleep 60")


def notified(tmp_path: Path, socket: NotifySocket, **more: str) -> GuardRig:
    return GuardRig(tmp_path, linger_s=0, environ={"NOTIFY_SOCKET": socket.address, **more})


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_it_says_when_its_socket_is_there_and_what_it_guards(tmp_path: Path, kind: str) -> None:
    with notify_socket(f"@near-guard-test-{os.getpid()}" if kind == "abstract" else tmp_path / "notify") as socket:
        with notified(tmp_path, socket) as rig:
            socket.hears("READY=1")
            pid = rig.start(*SLEEP)["pid"]
            socket.hears(f"STATUS=neard {pid} without the validator key")
            rig.ask("kill")
            rig.exit_event()
            pid = rig.start(*SLEEP, armed=True)["pid"]
            socket.hears(f"STATUS=neard {pid} with the validator key")
            rig.ask("quit")
            assert rig.process.wait(10) == 0
        socket.hears(f"STATUS=no neard; {pid} has ended")
        assert socket.read()[-1] == "STOPPING=1"
        assert "WATCHDOG=1" not in socket.heard


def test_it_feeds_the_watchdog_while_its_loop_turns(tmp_path: Path) -> None:
    with notify_socket(tmp_path / "notify") as socket, notified(tmp_path, socket, WATCHDOG_USEC="400000") as rig:
        wait_for(lambda: socket.read().count("WATCHDOG=1") > 5, "it is fed again and again")
        rig.signal_guard(signal.SIGSTOP)
        wait_for(lambda: stopped(rig.process.pid), "it stands still")
        socket.new()
        assert not took(lambda: "WATCHDOG=1" in socket.read(), 0.5)
        rig.signal_guard(signal.SIGCONT)
        socket.hears("WATCHDOG=1")


def stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@pytest.mark.parametrize("state", ["full", "dead"])
def test_a_service_manager_that_does_not_listen_holds_nothing_up(tmp_path: Path, state: str) -> None:
    with notify_socket(tmp_path / "notify") as socket, notified(tmp_path, socket, WATCHDOG_USEC="20000") as rig:
        socket.hears("READY=1")
        if state == "full":
            socket.fill()
        else:
            socket.close()
        pid = rig.start(*DEAF, armed=True, ms=400)["pid"]
        assert rig.ask("hello")["neard"]["pid"] == pid
        assert rig.exit_event()["cause"] == "deadline"


def test_neard_cannot_speak_to_the_service_manager_in_its_name(tmp_path: Path) -> None:
    with notify_socket(tmp_path / "notify") as socket:
        more = {"WATCHDOG_USEC": "9000000", "WATCHDOG_PID": "1"}
        with notified(tmp_path, socket, **more) as rig:
            pid = rig.start(*SLEEP)["pid"]
            wait_for(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n", "neard runs")
            environ = Path(f"/proc/{pid}/environ").read_bytes()
            assert b"PATH=" in environ
            assert b"NOTIFY_SOCKET" not in environ
            assert b"WATCHDOG" not in environ
            assert "WATCHDOG=1" not in socket.read(), "that watchdog is another process's"
