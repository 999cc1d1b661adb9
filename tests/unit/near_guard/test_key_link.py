"""The validator key: in its place exactly while neard is armed, and nowhere without its guard."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from near_guard.key_link import KEY_FD_FROM, KeyInPlace, require_open_proc
from near_guard.request import Refused
from support.guard_rig import GuardRig, wait_for

SLEEP = ("sleep", "60")


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[GuardRig]:
    with GuardRig(tmp_path) as running:
        yield running


def test_it_starts_by_taking_the_key_away(tmp_path: Path) -> None:
    rig = GuardRig(tmp_path)
    rig.link.symlink_to(rig.key)
    with rig:
        assert not rig.link.is_symlink()


def test_a_real_key_file_in_neards_home_is_set_aside_not_deleted(tmp_path: Path) -> None:
    rig = GuardRig(tmp_path)
    rig.link.write_text("somebody's only copy")
    with rig:
        assert not rig.link.exists()
        [aside] = rig.home.glob("validator_key.json.set-aside-*")
        assert aside.read_text() == "somebody's only copy"
        assert str(aside) in rig.ask("hello")["notes"][0]


def test_the_key_is_there_exactly_while_neard_is_armed(rig: GuardRig) -> None:
    rig.start(*SLEEP)
    assert not rig.link.is_symlink()
    rig.ask("kill")
    rig.exit_event()
    rig.start(*SLEEP, armed=True)
    assert rig.link.read_text() == "the key"
    rig.ask("kill")
    rig.exit_event()
    assert not rig.link.is_symlink()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_without_its_guard_nobody_finds_the_key(rig: GuardRig, number: signal.Signals) -> None:
    """A link outlives a loss of power, and whoever starts neard at boot without a guard would sign."""
    rig.start(*SLEEP, armed=True)
    rig.signal_guard(number)
    rig.process.wait(10)
    assert rig.link.is_symlink() == (number is signal.SIGKILL)
    assert not rig.link.exists()


def test_a_link_that_cannot_be_removed_leads_nowhere_once_the_key_is_taken_away(tmp_path: Path) -> None:
    key, link = tmp_path / "key", tmp_path / "link"
    key.write_text("the key")
    in_place = KeyInPlace(str(link))
    in_place.open(str(key))
    in_place.place()
    assert link.read_text() == "the key"
    in_place.close()
    assert link.is_symlink()
    assert not link.exists()


def test_it_has_the_key_wherever_it_may_open_files(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("the key")
    in_place, numbers = KeyInPlace(str(tmp_path / "link")), set[int]()
    most, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for allowed in (most, most, most, KEY_FD_FROM):
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        try:
            in_place.open(str(tmp_path / "key"))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        in_place.place()
        assert (tmp_path / "link").read_text() == "the key"
        numbers.add(in_place.fd)
    in_place.close()
    assert len(numbers) > 1, "where it is cannot be known beforehand"
    assert min(numbers) < KEY_FD_FROM


def test_what_neard_would_not_find_is_no_key_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("the key")
    in_place = KeyInPlace(str(tmp_path / "link"))
    in_place.open(str(tmp_path / "key"))
    # A pid of another namespace than /proc's.
    monkeypatch.setattr(os, "getpid", lambda: 2**22 + 1)
    with pytest.raises(Refused, match="does not lead to the validator key"):
        in_place.place()
    in_place.close()


def test_where_processes_do_not_see_each_other_it_says_so_at_its_start(monkeypatch: pytest.MonkeyPatch) -> None:
    require_open_proc()
    monkeypatch.setattr(os, "getpid", lambda: 2**22 + 1)
    with pytest.raises(Refused, match="processes of one user have to see each other"):
        require_open_proc()


def open_files(pid: int) -> dict[Path, str]:
    """What ``pid`` has open; a program that has just begun still opens and closes its libraries."""
    found = {}
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found[fd] = str(fd.readlink())
    return found


def test_neard_does_not_inherit_the_key(rig: GuardRig) -> None:
    pid = rig.start(*SLEEP, armed=True)["pid"]
    wait_for(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n", "neard runs")
    assert str(rig.key) not in open_files(pid).values()
    held = [fd for fd, file in open_files(rig.process.pid).items() if file == str(rig.key)]
    assert len(held) == 1
    rig.ask("kill")
    rig.exit_event()
    assert not held[0].is_symlink(), "it lets the key go"


def test_a_key_that_cannot_be_read_is_a_refusal(rig: GuardRig) -> None:
    rig.key.unlink()
    assert str(rig.key) in rig.start(*SLEEP, armed=True)["error"]
    assert not rig.link.is_symlink()
