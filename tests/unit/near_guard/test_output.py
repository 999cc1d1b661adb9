"""What neard writes: it gets to the log whatever that is, and the end of it is told when neard ends by itself."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from near_guard.kernel import boot_ms
from near_guard.output import KEPT_OUTPUT
from support.guard_rig import GuardRig

PANICS = ("sh", "-c", "echo first; echo \"thread 'main' panicked at x.rs:1\" >&2; kill -ABRT $$")
FLOOD_BYTES = 3 * 1024 * 1024
FLOODS = (sys.executable, "-c", f"import os\nfor _ in range({FLOOD_BYTES // 64}): os.write(2, b'x' * 63 + b'\\n')")


class Journal:
    """A stream that takes lines, as the service manager's journal is; and takes none while nobody reads."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.ours.settimeout(10)
        self.text = b""

    def read_until(self, words: bytes) -> None:
        while words not in self.text:
            data = self.ours.recv(65536)
            assert data, self.text[-200:]
            self.text += data

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()


@pytest.fixture
def journal() -> Iterator[Journal]:
    opened = Journal()
    yield opened
    opened.close()


@pytest.fixture
def rig(tmp_path: Path, journal: Journal) -> Iterator[GuardRig]:
    with GuardRig(tmp_path, output=journal.theirs.fileno()) as running:
        yield running


@pytest.fixture
def on_file(tmp_path: Path) -> Iterator[GuardRig]:
    with GuardRig(tmp_path) as running:
        yield running


def test_a_neard_that_panics_says_why_and_the_journal_has_it(rig: GuardRig, journal: Journal) -> None:
    rig.start(*PANICS, armed=True)
    end = rig.exit_event()
    assert (end["cause"], end["how"]) == ("itself", "signal 6 (SIGABRT)")
    assert end["output"] == "first\nthread 'main' panicked at x.rs:1\n"
    assert rig.ask("hello")["last_exit"]["output"] == end["output"], "also for a supervisor that comes later"
    journal.read_until(b"first\nthread 'main' panicked at x.rs:1\n")


def test_from_a_log_that_is_a_file_it_takes_what_this_neard_wrote(on_file: GuardRig) -> None:
    on_file.start("sh", "-c", "echo another neard")
    on_file.exit_event()
    on_file.start(*PANICS, armed=True)
    assert on_file.exit_event()["output"] == "first\nthread 'main' panicked at x.rs:1\n"
    assert "panicked" in on_file.log.read_text()


def test_a_log_that_was_made_shorter_meanwhile_is_read_from_its_beginning(on_file: GuardRig) -> None:
    on_file.start("sh", "-c", f"echo before it; : > {on_file.log}; echo after; exit 3")
    assert on_file.exit_event()["output"] == "after\n"


@pytest.mark.parametrize("kind", ["journal", "file"])
def test_of_much_it_keeps_whole_lines_of_the_end(kind: str, request: pytest.FixtureRequest, journal: Journal) -> None:
    rig: GuardRig = request.getfixturevalue("rig" if kind == "journal" else "on_file")
    rig.start("sh", "-c", "for n in $(seq 3000); do echo line $n of neard; done")
    end = rig.exit_event()
    lines = end["output"].splitlines()
    assert len(end["output"]) <= KEPT_OUTPUT
    assert lines[-1] == "line 3000 of neard"
    assert lines[0].startswith("line ")
    assert len(lines) > 100
    if kind == "journal":
        journal.read_until(b"line 3000 of neard\n")
        assert journal.text.count(b" of neard\n") == 3000


@pytest.mark.parametrize("end", ["kill", "deadline"])
def test_of_one_that_was_ended_from_outside_nothing_is_told(rig: GuardRig, end: str) -> None:
    rig.start("sh", "-c", "echo ERROR; exec sleep 60", armed=True, ms=60_000 if end == "kill" else 300)
    if end == "kill":
        rig.ask("kill")
    assert rig.exit_event()["output"] == ""


def test_a_journal_that_takes_nothing_holds_up_neard_and_not_the_guard(rig: GuardRig) -> None:
    """It does not get through with what it writes, and it is killed when its time is over."""
    ends_at = boot_ms() + 1_500
    rig.start(*FLOODS, armed=True, ms=1_500)
    while boot_ms() < ends_at - 300:
        asked_at = boot_ms()
        assert rig.ask("hello").get("ok")
        assert boot_ms() - asked_at < 1_000
    end = rig.exit_event()
    assert (end["cause"], end["how"]) == ("deadline", "signal 9 (SIGKILL)")
    assert rig.ask("hello").get("ok")


def test_what_waited_for_the_journal_gets_there(rig: GuardRig, journal: Journal) -> None:
    rig.start(*FLOODS)
    while journal.text.count(b"x" * 63 + b"\n") < FLOOD_BYTES // 64:
        data = journal.ours.recv(65536)
        assert data
        journal.text += data
    assert rig.exit_event()["how"] == "exit code 0"


def test_without_anybody_who_takes_it_neard_goes_on(rig: GuardRig, journal: Journal) -> None:
    journal.ours.close()
    journal.theirs.close()
    rig.start(*FLOODS)
    end = rig.exit_event()
    assert end["how"] == "exit code 0"
    assert end["output"].endswith("x\n")


def test_no_descriptor_is_lost_from_one_neard_to_the_next(rig: GuardRig) -> None:
    def descriptors() -> int:
        return len(list(Path(f"/proc/{rig.process.pid}/fd").iterdir()))

    rig.start("true")
    rig.exit_event()
    before = descriptors()
    for _ in range(3):
        rig.start("true")
        rig.exit_event()
    assert descriptors() == before
