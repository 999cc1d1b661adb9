"""What the service manager hears, on a real datagram socket; the clock is the test's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from near_supervisor.core.facts.model import Node
from near_supervisor.io.systemd import ServiceManager
from near_supervisor.snapshot import Snapshot
from support.core_play import SETTINGS
from support.notify_socket import NotifySocket, notify_socket

STATE, HEIGHT = "Voting, leader b", "height 7"


@pytest.fixture(params=["path", "abstract"])
def socket(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NotifySocket]:
    address = f"@near-test-{os.getpid()}" if request.param == "abstract" else tmp_path / "notify"
    with notify_socket(address) as listening:
        yield listening


def manager(socket: NotifySocket, **environ: str) -> ServiceManager:
    return ServiceManager({"NOTIFY_SOCKET": socket.address, **environ})


def test_ready_comes_with_the_first_turn_and_only_once(socket: NotifySocket) -> None:
    tell = manager(socket)
    assert socket.read() == []
    tell.turned(0, STATE, HEIGHT)
    tell.turned(1, STATE, HEIGHT)
    assert socket.read() == ["READY=1", "STATUS=Voting, leader b, height 7"]


def test_a_change_of_state_is_told_at_once_a_height_now_and_then(socket: NotifySocket) -> None:
    tell = manager(socket)
    tell.turned(0, STATE, HEIGHT)
    socket.new()
    for height in range(8, 18):
        tell.turned(height * 100, STATE, f"height {height}")
    assert socket.new() == []
    tell.turned(2_000, "Validating, leader a", "height 18")
    assert socket.new() == ["STATUS=Validating, leader a, height 18"]
    tell.turned(12_000, "Validating, leader a", "height 30")
    tell.turned(12_100, "Validating, leader a", "height 31")
    assert socket.new() == ["STATUS=Validating, leader a, height 30"]


def test_the_watchdog_is_fed_at_half_of_its_time_by_the_loop_alone(socket: NotifySocket) -> None:
    tell = manager(socket, WATCHDOG_USEC="3000000", WATCHDOG_PID=str(os.getpid()))
    for now in range(10_000, 16_000, 100):
        tell.turned(now, STATE, HEIGHT)
    assert socket.read().count("WATCHDOG=1") == 4
    tell.turned(16_000, STATE, HEIGHT)
    assert tell.patience_ms(16_200) == 1_300
    assert tell.patience_ms(17_500) == tell.patience_ms(99_999) == 1, "overdue: the loop turns at once, and feeds"


@pytest.mark.parametrize(
    "environ",
    [{}, {"WATCHDOG_USEC": ""}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}],
    ids=["none", "empty", "no number", "another process's"],
)
def test_without_a_watchdog_of_ours_nothing_is_fed(socket: NotifySocket, environ: dict[str, str]) -> None:
    tell = manager(socket, **environ)
    tell.turned(0, STATE, HEIGHT)
    assert "WATCHDOG=1" not in socket.read()
    assert tell.patience_ms(0) is None


def test_a_manager_that_does_not_read_is_not_waited_for_and_hears_the_rest_later(socket: NotifySocket) -> None:
    tell = manager(socket, WATCHDOG_USEC="1000000")
    assert socket.fill() > 0
    tell.turned(0, STATE, HEIGHT)
    assert (tell.patience_ms(0) or 0) > 1, "it is asked again soon, not in a loop that does nothing else"
    socket.new()
    tell.turned(200, STATE, HEIGHT)
    assert socket.new() == ["READY=1", "STATUS=Voting, leader b, height 7", "WATCHDOG=1"]


def test_a_dead_socket_and_none_at_all_are_no_error(socket: NotifySocket) -> None:
    tell = manager(socket, WATCHDOG_USEC="1000000")
    socket.close()
    for told in (tell, ServiceManager({})):
        told.turned(0, STATE, HEIGHT)
        told.stopping()


def test_a_name_from_consul_cannot_say_more_than_a_name(socket: NotifySocket) -> None:
    manager(socket).turned(0, "Voting, leader x\nMAINPID=1", HEIGHT)
    assert socket.read() == ["READY=1", "STATUS=Voting, leader x?MAINPID=1, height 7"]


def test_what_is_started_by_this_process_does_not_inherit_the_socket(socket: NotifySocket) -> None:
    environ = {"NOTIFY_SOCKET": socket.address, "WATCHDOG_USEC": "1", "WATCHDOG_PID": "2", "HOME": "/"}
    ServiceManager(environ).stopping()
    assert environ == {"HOME": "/"}
    assert socket.read() == ["STOPPING=1"]


def test_the_summary_of_a_node_that_knows_nothing_yet() -> None:
    assert Snapshot(Node(SETTINGS), 2_000, 1_000).summary() == (
        "Startup, no leader known, not in sync",
        "height 0: neard has not answered yet",
    )
