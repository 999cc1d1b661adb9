"""The deadline: no key without one, and what kills neard at it, one behind the other."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from near_guard.kernel import KERNEL_TIMER_MS, boot_ms
from near_guard.teardown_helpers import TeardownHelpers
from support.guard_rig import GuardRig, alive, descendants, ignores_sigterm, wait_for

SLEEP = ("sleep", "60")
DEAF = ("sh", "-c", "trap '' TERM; exec sleep 60")


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[GuardRig]:
    with GuardRig(tmp_path) as running:
        yield running


@pytest.mark.parametrize("deadline", [None, "soon", True, -1, 0, 10**18])
def test_it_refuses_to_arm_without_a_deadline_ahead(rig: GuardRig, deadline: object) -> None:
    request = {"argv": list(SLEEP), "lock": str(rig.lock), "armed": True, "validator_key": str(rig.key)}
    assert "deadline" in rig.ask("start", **request, deadline=deadline)["error"]
    assert not rig.link.is_symlink()
    assert descendants(rig.process.pid) == []


def test_at_the_deadline_it_kills(rig: GuardRig) -> None:
    pid = rig.start(*DEAF, armed=True, ms=300, tag="t/1")["pid"]
    end = rig.exit_event()
    assert (end["pid"], end["how"], end["cause"], end["tag"]) == (pid, "signal 9 (SIGKILL)", "deadline", "t/1")
    assert not alive(pid)


def test_a_deadline_that_is_moved_on_in_time_spares_neard(rig: GuardRig) -> None:
    pid = rig.start(*SLEEP, armed=True, ms=600)["pid"]
    for _ in range(6):
        before = boot_ms()
        assert rig.ask("deadline", deadline=before + 600).get("ok")
        wait_for(lambda before=before: boot_ms() > before + 200, "200 ms pass")  # type: ignore[misc]
        assert alive(pid)
    assert rig.exit_event()["cause"] == "deadline"


@pytest.mark.parametrize("who", ["guard", "guard and neard"])
def test_a_guard_that_is_frozen_is_ended_by_the_kernel_and_neard_with_it(rig: GuardRig, who: str) -> None:
    """What a whole host that hangs is to its processes: the timer of the kernel goes on."""
    pid = rig.start(*SLEEP, armed=True, ms=700)["pid"]
    # Before its exec the child is no neard yet: it would end by itself once thawed, without its parent.
    wait_for(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n", "neard runs")
    if who != "guard":
        os.kill(pid, signal.SIGSTOP)
    rig.signal_guard(signal.SIGSTOP)
    wait_for(lambda: not alive(pid), "neard is gone", 0.7 + KERNEL_TIMER_MS / 1000 + 2)
    wait_for(lambda: rig.process.poll() == -signal.SIGKILL, "the guard was killed")


def test_while_neard_is_armed_others_are_there_to_give_the_memory_back(rig: GuardRig) -> None:
    """Then the first thread, neard's parent, is not the last one to go, and neard ends at once."""

    def threads() -> int:
        return len(list(Path(f"/proc/{rig.process.pid}/task").iterdir()))

    rig.start(*SLEEP)
    assert threads() == 1
    rig.ask("kill")
    rig.exit_event()
    for _leadership in range(2):
        rig.start(*SLEEP, armed=True)
        wait_for(lambda: threads() == 1 + TeardownHelpers.COUNT, "they are there")
        rig.ask("kill")
        rig.exit_event()
        # A fork is for a program with one thread.
        wait_for(lambda: threads() == 1, "they are gone")


def test_neard_dies_with_its_guard(rig: GuardRig) -> None:
    pid = rig.start(*DEAF)["pid"]
    rig.signal_guard(signal.SIGKILL)
    wait_for(lambda: not alive(pid), "neard is gone")


def test_stop_does_not_suspend_the_deadline(rig: GuardRig) -> None:
    pid = rig.start(*DEAF, armed=True, ms=700)["pid"]
    wait_for(lambda: ignores_sigterm(pid), "its trap is set")
    rig.ask("stop", timeout_ms=60_000)
    assert rig.exit_event()["how"] == "signal 9 (SIGKILL)"
