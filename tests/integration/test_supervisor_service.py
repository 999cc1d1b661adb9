"""Supervisor and guard as services of their own: who starts whom, who outlives whom, and what systemd is told."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from near_ha.transport import control_client
from near_supervisor.commandline import options
from near_supervisor.core import machine
from near_supervisor.core.events import Event, StopAsked
from near_supervisor.core.facts.model import Node
from near_supervisor.core.step import Step
from near_supervisor.driver import Driver
from near_supervisor.io.run_dir import RunDir
from near_supervisor.io.systemd import ServiceManager
from support.guard_unit import GuardUnit, neard_of, parent
from support.notify_socket import notify_socket
from support.packed import pack_all
from support.supervised import Supervised
from support.supervised_hosts import Chain, stopped_chain
from support.waiting import until

__all__ = ["stopped_chain"]

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


@pytest.fixture
def host(stopped_chain: Chain) -> Iterator[Supervised]:
    """A host without a Consul that answers: its neard stands by."""
    host = stopped_chain.host("a")
    host.flags["--guard"] = "service"
    try:
        yield host
    finally:
        host.clean_up()


def test_the_guard_of_a_unit_is_waited_for_and_never_started(host: Supervised) -> None:
    host.start()
    said = host.says("With --guard service a unit of its own runs it")
    assert str(host.run_dir / "guard.sock") in said
    assert host.processes() == {}
    with GuardUnit(host) as unit:
        assert parent(neard_of(host)) == unit.process.pid
        assert host.stop() == 0
    host.left_nothing()


def test_the_guard_of_a_unit_is_not_sent_away(host: Supervised) -> None:
    with GuardUnit(host) as unit:
        host.start()
        first = neard_of(host)
        assert host.stop() == 0
        until("neard is gone", lambda: first not in host.processes(), host.evidence)
        assert unit.alive()
        host.start()
        assert parent(neard_of(host)) == unit.process.pid
        assert host.stop() == 0
        assert unit.alive()


def test_after_detach_the_next_supervisor_finds_its_neard(host: Supervised) -> None:
    with GuardUnit(host) as unit:
        host.start()
        pid = neard_of(host)
        control_client.call(host.run_dir / "control.sock", "POST", "/detach")
        assert host.ended(15) == 0
        assert pid in host.processes()
        assert unit.alive()
        host.start()
        assert neard_of(host) == pid
        assert host.stop() == 0


def test_a_guard_unit_that_is_restarted_is_found_again(host: Supervised) -> None:
    with GuardUnit(host) as unit:
        host.start()
        first = neard_of(host)
        unit.process.kill()
        host.says("the guard died")
        until("neard is gone", lambda: first not in host.processes(), host.evidence)
    with GuardUnit(host) as unit:
        until("another neard", lambda: neard_of(host) != first, host.evidence, 30)
        assert parent(neard_of(host)) == unit.process.pid
        assert host.stop() == 0


def test_a_guard_unit_of_another_home_is_named_and_left_alone(host: Supervised, tmp_path: Path) -> None:
    with GuardUnit(host, home=tmp_path) as unit:
        host.start()
        said = host.says("Give its unit the --home and --key-link")
        assert str(tmp_path) in said
        assert str(host.home) in said
        assert unit.alive()
        assert host.stop() == 0


# --- from one file


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack_all(tmp_path_factory.mktemp("packed"))["daemon"]


def test_packed_into_one_file_it_starts_its_guard_from_that_file(host: Supervised, daemon: Path) -> None:
    host.flags["--guard"] = "own"
    host.program = [sys.executable, "-I", str(daemon)]
    host.start()
    pid = neard_of(host)
    assert f"-I -S {daemon} guard --run-dir" in host.processes()[parent(pid)]
    assert host.stop() == 0
    host.left_nothing()


def test_packed_into_one_file_both_run_as_services(host: Supervised, daemon: Path) -> None:
    host.program = [sys.executable, "-I", str(daemon)]
    with GuardUnit(host, str(daemon), "guard") as unit:
        host.start()
        assert parent(neard_of(host)) == unit.process.pid
        assert host.stop() == 0


# --- what systemd is told


def test_ready_status_watchdog_and_the_end(host: Supervised, tmp_path: Path) -> None:
    with notify_socket(tmp_path / "notify") as socket:
        host.environ |= {"NOTIFY_SOCKET": socket.address, "WATCHDOG_USEC": "400000"}
        host.flags["--guard"] = "own"
        host.start()
        socket.hears("READY=1")
        assert host.status(), "the control socket is there before it is ready"
        socket.hears("STATUS=Startup, no leader known, not in sync, height 0")
        socket.hears("WATCHDOG=1")
        pid = neard_of(host)
        for process in (pid, parent(pid)):
            environ = Path(f"/proc/{process}/environ").read_bytes()
            assert b"NOTIFY_SOCKET" not in environ
            assert b"WATCHDOG_USEC" not in environ
        assert socket.read().count("READY=1") == 1, "the guard does not speak in its name"
        assert host.process
        host.process.send_signal(signal.SIGSTOP)
        socket.new()
        assert "WATCHDOG=1" not in wait_a_while(socket.read)
        host.process.send_signal(signal.SIGCONT)
        socket.hears("WATCHDOG=1")
        assert host.stop() == 0
        socket.hears("STOPPING=1")


def test_only_the_loop_that_runs_the_core_feeds_the_watchdog(
    host: Supervised, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The core hangs; every other thread goes on. Nothing may say that all is well."""
    go_on, real = threading.Event(), machine.step
    go_on.set()

    def hanging(node: Node, event: Event, now: int) -> Step:
        go_on.wait(30)
        return real(node, event, now)

    monkeypatch.setattr("near_supervisor.driver.step", hanging)
    parser = argparse.ArgumentParser()
    options.add_arguments(parser, {})
    checked = options.check(
        parser.parse_args([*(word for pair in host.flags.items() for word in pair), *host.switches]), {}
    )
    with notify_socket(tmp_path / "notify") as socket:
        manager = ServiceManager({"NOTIFY_SOCKET": socket.address, "WATCHDOG_USEC": "200000"})
        driver = Driver(checked, RunDir(checked.run_dir), manager)
        loop = threading.Thread(target=driver.run, daemon=True)
        loop.start()
        for _ in range(3):
            socket.new()
            socket.hears("WATCHDOG=1")
        go_on.clear()
        wait_a_while(socket.new)
        assert "WATCHDOG=1" not in wait_a_while(socket.new)
        go_on.set()
        socket.hears("WATCHDOG=1")
        driver.post(StopAsked("the test"))
        socket.hears("STOPPING=1")
        loop.join(15)
        assert not loop.is_alive()


def wait_a_while(then: Callable[[], list[str]]) -> list[str]:
    """What ``then`` says three watchdog times later."""
    threading.Event().wait(1.2)
    return then()
