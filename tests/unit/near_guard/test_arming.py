"""near-guard gives the key to a neard that runs: armed from before the key is in place, whatever neard makes of it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from near_guard.kernel import boot_ms
from near_guard.teardown_helpers import TeardownHelpers
from support.guard_rig import GuardRig, alive, wait_for

# Says which key it sees at each SIGHUP; and that it is ready for one.
RELOADS = (
    "sh", "-c", "trap 'cat \"$LINK\" >> \"$SEEN\"' HUP; echo ready > \"$SEEN\"; while :; do sleep 0.02; done",
)  # fmt: skip
DEAF = ("sh", "-c", 'trap "" HUP; echo ready > "$SEEN"; while :; do sleep 0.02; done')


class Armed(GuardRig):
    """A rig whose neard writes down what it sees."""

    def __init__(self, path: Path) -> None:
        self.seen = path / "seen"
        super().__init__(path, environ={"LINK": str(path / "home/validator_key.json"), "SEEN": str(self.seen)})

    def standby(self, *argv: str) -> int:
        """A neard without the key that is ready for a SIGHUP; its pid."""
        pid = int(self.start(*argv)["pid"])
        wait_for(lambda: self.seen.exists() and "ready" in self.seen.read_text(), "it is ready for a signal")
        return pid

    def arm(self, neard: int, ms: int = 60_000, **fields: Any) -> dict[str, Any]:
        """Ask for the key to be given to it."""
        words = {"pid": neard, "deadline": boot_ms() + ms, "validator_key": str(self.key), "tag": "s/1"}
        return self.ask("arm", **{**words, **fields})


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Armed]:
    rig = Armed(tmp_path)
    with rig:
        yield rig


def test_the_key_is_in_place_when_neard_is_told(rig: Armed) -> None:
    pid = rig.standby(*RELOADS)
    assert not rig.link.exists()
    assert rig.arm(pid)["ok"]
    wait_for(lambda: "the key" in rig.seen.read_text(), "neard has read the key")
    running = rig.ask("hello")["neard"]
    assert (running["pid"], running["armed"], running["tag"]) == (pid, True, "s/1")
    rig.ask("kill")
    assert rig.exit_event()["armed"] is True
    assert not rig.link.exists()


def test_it_is_armed_whatever_neard_makes_of_the_signal(rig: Armed) -> None:
    pid = rig.standby(*DEAF)
    rig.arm(pid, ms=300)
    assert rig.exit_event()["cause"] == "deadline"


def test_a_neard_that_the_signal_kills_has_ended_armed(rig: Armed) -> None:
    pid = rig.standby("sh", "-c", 'echo ready > "$SEEN"; exec sleep 60')
    rig.arm(pid)
    ended = rig.exit_event()
    assert (ended["armed"], ended["status"]) == (True, signal.SIGHUP)


def test_the_kernel_has_its_deadline_too(rig: Armed) -> None:
    """Also a guard that stands still from then on does not outlive it."""
    pid = rig.standby(*DEAF)
    rig.arm(pid, ms=400)
    rig.process.send_signal(signal.SIGSTOP)
    wait_for(lambda: not alive(pid), "neard has ended with its guard")


def test_its_deadline_can_be_moved_on(rig: Armed) -> None:
    pid = rig.standby(*DEAF)
    rig.arm(pid, ms=400)
    assert rig.ask("deadline", deadline=boot_ms() + 60_000)["ok"]
    with pytest.raises(AssertionError):
        wait_for(lambda: not alive(pid), "nothing ends it", patience_s=0.7)


def test_others_give_the_memory_back_from_then_on(rig: Armed) -> None:
    pid = rig.standby(*DEAF)
    tasks = Path(f"/proc/{rig.process.pid}/task")
    assert len(list(tasks.iterdir())) == 1
    rig.arm(pid)
    assert len(list(tasks.iterdir())) == 1 + TeardownHelpers.COUNT


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"pid": 1}, "no neard 1 to arm"),
        ({"deadline": 1}, "deadline has passed"),
        ({"validator_key": "/nowhere"}, "/nowhere"),
        ({"deadline": None}, "deadline"),
    ],
)
def test_what_cannot_be_armed_stays_a_standby(rig: Armed, fields: dict[str, Any], why: str) -> None:
    pid = rig.standby(*RELOADS)
    assert why in rig.arm(pid, **fields)["error"]
    assert rig.ask("hello")["neard"]["armed"] is False
    assert not rig.link.exists()
    assert alive(pid)


def test_one_that_is_armed_or_is_being_stopped_is_not_armed_again(rig: Armed) -> None:
    pid = rig.standby(*DEAF)
    rig.arm(pid)
    assert "armed already" in rig.arm(pid)["error"]
    rig.ask("kill")
    rig.exit_event()
    rig.seen.unlink()
    pid = rig.standby("sh", "-c", 'trap "" TERM; echo ready > "$SEEN"; while :; do sleep 0.02; done')
    rig.ask("stop", timeout_ms=60_000)
    assert "on its way out" in rig.arm(pid)["error"]


def test_a_key_that_cannot_be_put_in_place_costs_neard_its_life(rig: Armed) -> None:
    """It may have been told; nobody knows what it has read."""
    pid = rig.standby(*DEAF)
    rig.link.with_name("validator_key.json.near-guard").mkdir()
    assert "error" in rig.arm(pid)
    ended = rig.exit_event()
    assert (ended["pid"], ended["armed"], ended["cause"]) == (pid, True, "arm")


def test_one_that_has_ended_and_left_something_behind_is_sent_no_signal(rig: Armed) -> None:
    """Its pid may be another's by now."""
    # What it leaves behind may take longer to end than the first request to come.
    pid = rig.standby("sh", "-c", 'setsid sleep 60 & echo ready > "$SEEN"; exit 0')
    wait_for(lambda: not alive(pid), "it has ended")
    answers = [rig.arm(pid) for _ in range(3)]
    assert all("error" in answer for answer in answers), answers
    assert rig.exit_event()["armed"] is False
