"""The neard process: how it is started and stopped, and when its end is told."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from near_guard.neard import how_it_ended
from support.guard_rig import GuardRig, alive, descendants, ignores_sigterm, wait_for

SLEEP = ("sleep", "60")
DEAF = ("sh", "-c", "trap '' TERM; exec sleep 60")
# A child in a session of its own, which neither a signal to neard nor one to its group reaches.
LEAVES_A_CHILD = (sys.executable, "-c", "import os,time\nif os.fork() == 0: os.setsid()\ntime.sleep(60)")


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[GuardRig]:
    with GuardRig(tmp_path) as running:
        yield running


def test_stop_asks_first_and_kills_after_its_timeout(rig: GuardRig) -> None:
    rig.start(*SLEEP)
    rig.ask("stop", timeout_ms=5_000)
    assert rig.exit_event()["how"] == "signal 15 (SIGTERM)"
    pid = rig.start(*DEAF)["pid"]
    wait_for(lambda: ignores_sigterm(pid), "its trap is set")
    rig.ask("stop", timeout_ms=300)
    assert rig.exit_event()["how"] == "signal 9 (SIGKILL)"


def test_the_end_is_told_only_when_nothing_that_neard_forked_is_left(rig: GuardRig) -> None:
    pid = rig.start(*LEAVES_A_CHILD, armed=True)["pid"]
    wait_for(lambda: len(descendants(pid)) == 1, "neard has forked")
    [child] = descendants(pid)
    wait_for(lambda: os.getsid(child) == child, "the child has left neard's session")
    rig.ask("kill")
    rig.exit_event()
    assert not alive(pid)
    assert not alive(child)


def test_a_program_that_cannot_run_is_an_end_like_any_other(rig: GuardRig) -> None:
    rig.start("/nonexistent/neard", armed=True)
    assert rig.exit_event()["how"] == "exit code 127"
    assert not rig.link.is_symlink()


def test_neard_has_a_session_of_its_own(rig: GuardRig) -> None:
    pid = rig.start(*SLEEP)["pid"]
    wait_for(lambda: os.getsid(pid) == pid, "neard has left the guard's session")


def test_how_it_ended() -> None:
    for argv, words in ((["false"], "exit code 1"), (["sh", "-c", "kill -6 $$"], "signal 6 (SIGABRT)")):
        child = subprocess.Popen(argv)
        _, status = os.waitpid(child.pid, 0)
        child.returncode = 0
        assert how_it_ended(status) == words
