"""near-guard takes the key away from a signer that runs: armed until it was seen without it, else killed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from near_guard.kernel import boot_ms
from support.guard_rig import GuardRig, alive, wait_for

# Says at each SIGHUP whether there is a key; and that it is ready for one.
RELOADS = (
    "sh", "-c",
    "trap 'if [ -e \"$LINK\" ]; then echo with >> \"$SEEN\"; else echo without >> \"$SEEN\"; fi' HUP;"
    ' echo ready > "$SEEN"; while :; do sleep 0.02; done',
)  # fmt: skip


class Signing(GuardRig):
    """A rig whose neard is given the key while it runs."""

    def __init__(self, path: Path) -> None:
        self.seen = path / "seen"
        super().__init__(path, environ={"LINK": str(path / "home/validator_key.json"), "SEEN": str(self.seen)})

    def signer(self, ms: int = 60_000) -> int:
        """An armed neard with a deadline ``ms`` from now; its pid."""
        pid = int(self.start(*RELOADS)["pid"])
        wait_for(lambda: self.seen.exists() and "ready" in self.seen.read_text(), "it is ready for a signal")
        words = {"pid": pid, "deadline": boot_ms() + ms, "validator_key": str(self.key), "tag": "s/1"}
        assert self.ask("arm", **words)["ok"]
        wait_for(lambda: "with\n" in self.seen.read_text(), "it has the key")
        return pid

    def running(self) -> dict[str, Any]:
        return dict(self.ask("hello")["neard"])


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Signing]:
    rig = Signing(tmp_path)
    with rig:
        yield rig


def test_the_key_is_gone_when_neard_is_told_and_it_is_armed_until_it_was_seen_without(rig: Signing) -> None:
    pid = rig.signer(ms=2_000)
    assert rig.ask("disarm", pid=pid, timeout_ms=60_000)["ok"]
    wait_for(lambda: "without" in rig.seen.read_text(), "neard has looked")
    assert not rig.link.exists()
    assert rig.running()["armed"] is True
    assert rig.ask("disarmed", pid=pid)["ok"]
    now = rig.running()
    assert (now["pid"], now["armed"], now["deadline"], now["gave_up"]) == (pid, False, None, "s/1")
    limit = time.monotonic() + 2.3
    wait_for(lambda: time.monotonic() > limit or not alive(pid), "its old deadline has passed")
    assert alive(pid), "the deadline of a lease that it does not need any more"
    assert rig.process.poll() is None, "the kernel's timer is that of a signer"
    rig.ask("kill")
    assert rig.exit_event()["armed"] is False


def test_it_is_told_again_because_a_signal_may_be_lost(rig: Signing) -> None:
    pid = rig.signer()
    rig.ask("disarm", pid=pid, timeout_ms=60_000)
    wait_for(lambda: rig.seen.read_text().count("without") > 1, "a second signal")


def test_one_that_is_not_seen_without_in_time_is_killed(rig: Signing) -> None:
    pid = rig.signer()
    rig.ask("disarm", pid=pid, timeout_ms=150)
    ended = rig.exit_event()
    assert (ended["pid"], ended["armed"], ended["cause"]) == (pid, True, "disarm")
    assert "armed" in rig.ask("disarmed", pid=pid)["error"]


def test_also_when_nobody_is_there_any_more_to_say_it(rig: Signing) -> None:
    pid = rig.signer()
    rig.ask("disarm", pid=pid, timeout_ms=150)
    rig.socket.close()
    wait_for(lambda: not alive(pid), "neard has ended")


def test_its_lease_ends_it_all_the_same(rig: Signing) -> None:
    pid = rig.signer(ms=300)
    rig.ask("disarm", pid=pid, timeout_ms=60_000)
    assert rig.exit_event()["cause"] == "deadline"


def test_the_word_of_a_supervisor_that_has_taken_no_key_away_counts_for_nothing(rig: Signing) -> None:
    pid = rig.signer()
    assert "nobody has taken the key away" in rig.ask("disarmed", pid=pid)["error"]
    assert rig.running()["armed"] is True


def test_a_key_that_came_back_meanwhile_costs_neard_its_life(rig: Signing) -> None:
    pid = rig.signer()
    rig.ask("disarm", pid=pid, timeout_ms=60_000)
    rig.link.write_text("another one")
    assert "again" in rig.ask("disarmed", pid=pid)["error"]
    assert rig.exit_event()["cause"] == "disarm"


@pytest.mark.parametrize("verb", ["disarm", "disarmed"])
def test_only_the_signer_can_give_a_key_up(rig: Signing, verb: str) -> None:
    pid = int(rig.start(*RELOADS)["pid"])
    for number in (pid, 1):
        assert "armed" in rig.ask(verb, pid=number, timeout_ms=100)["error"]
    rig.ask("kill")
    rig.exit_event()
    rig.seen.unlink(missing_ok=True)
    pid = rig.signer()
    rig.ask("stop", timeout_ms=60_000)
    assert "error" in rig.ask(verb, pid=pid, timeout_ms=100)


def test_one_that_gave_its_key_up_can_be_given_it_again(rig: Signing) -> None:
    pid = rig.signer()
    rig.ask("disarm", pid=pid, timeout_ms=60_000)
    rig.ask("disarmed", pid=pid)
    words = {"pid": pid, "deadline": boot_ms() + 60_000, "validator_key": str(rig.key), "tag": "s/2"}
    assert rig.ask("arm", **words)["ok"]
    now = rig.running()
    assert (now["armed"], now["tag"], now["gave_up"]) == (True, "s/2", "")
