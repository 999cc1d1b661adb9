"""How long a guard stays, and what it costs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.guard_rig import GuardRig, alive, anonymous_kb, took, wait_for

SLEEP = ("sleep", "60")


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[GuardRig]:
    with GuardRig(tmp_path) as running:
        yield running


def test_it_goes_away_when_nobody_needs_it(tmp_path: Path) -> None:
    with GuardRig(tmp_path, linger_s=0.3) as rig:
        rig.ask("hello")
        rig.socket.close()
        assert rig.process.wait(10) == 0


def test_it_stays_while_it_has_a_neard(tmp_path: Path) -> None:
    with GuardRig(tmp_path, linger_s=0.1) as rig:
        pid = rig.start(*SLEEP, armed=True, ms=1_000)["pid"]
        rig.socket.close()
        wait_for(lambda: not alive(pid), "the deadline")
        assert rig.process.wait(10) == 0


def test_quit_stops_neard_first(rig: GuardRig) -> None:
    pid = rig.start(*SLEEP)["pid"]
    rig.ask("quit")
    assert rig.process.wait(10) == 0
    assert not alive(pid)


def test_it_sleeps_while_there_is_nothing_to_do(tmp_path: Path) -> None:
    with GuardRig(tmp_path, linger_s=0) as rig:
        rig.ask("hello")

        def switches() -> int:
            text = Path(f"/proc/{rig.process.pid}/status").read_text()
            return int(text.split("\nvoluntary_ctxt_switches:")[1].split()[0])

        before = switches()
        assert not took(lambda: switches() - before > 20, 0.5), "it wakes up all the time"


def test_it_stays_small(rig: GuardRig) -> None:
    """Beside what this Python needs for nothing at all, which differs from version to version."""
    rig.start(*SLEEP, armed=True)
    shown = "print(open('/proc/self/status').read())"
    bare = subprocess.run([sys.executable, "-I", "-S", "-c", shown], capture_output=True, text=True, check=True).stdout
    assert rig.memory_kb() - anonymous_kb(bare) <= 6 * 1024
