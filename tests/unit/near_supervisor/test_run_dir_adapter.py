"""A run directory that goes away under a supervisor is made again, with all that others look for in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from near_ha.transport import control_client
from near_supervisor.adapters.run_dir import RunDirAdapter
from near_supervisor.core import events as ev
from near_supervisor.core.facts.leadership import SavedState
from near_supervisor.io.control import ControlSocket
from near_supervisor.io.run_dir import RunDir
from support.waiting import until

MEMORY = SavedState("session-a", 7, 1234)
LEASE_MS = 2_000


class Guarded:
    """A run directory that is looked after, and what its guard is asked for."""

    def __init__(self, path: Path) -> None:
        self.run_dir = RunDir(path)
        self.run_dir.remember(MEMORY)
        self.run_dir.keep_seen(70, 3)
        self.control = ControlSocket(path / "control.sock", {("GET", "/status"): lambda _asked: {"state": "Voting"}})
        self.control.serve()
        self.said: list[ev.Event] = []
        self.asked: list[str] = []
        self.now = 0
        (path / "guard.sock").touch()
        self.side = RunDirAdapter(self.run_dir, self.control, cast("Any", self), LEASE_MS, self.said.append)

    def remember_again(self) -> None:
        self.asked.append("remember")
        self.run_dir.remember(MEMORY)

    def listen_again(self) -> None:
        self.asked.append("listen")
        (self.run_dir.path / "guard.sock").touch()

    def look(self) -> None:
        """Let it look once, and do what follows."""
        self.now += LEASE_MS // 10
        self.side.turn(self.now)
        until("it has looked", lambda: not self.side._looking, lambda: "")
        self.side.turn(self.now)

    def answers(self) -> bool:
        return control_client.call(self.run_dir.path / "control.sock", "GET", "/status") == {"state": "Voting"}

    def close(self) -> None:
        self.control._server.shutdown()
        self.control._server.server_close()


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    guarded = Guarded(tmp_path / "run")
    yield guarded
    guarded.close()


def test_what_is_well_is_left_alone(guarded: Guarded) -> None:
    for _ in range(3):
        guarded.look()
    assert (guarded.said, guarded.asked) == ([], [])
    assert guarded.answers()


def test_it_looks_with_every_heartbeat_and_not_more_often(guarded: Guarded) -> None:
    guarded.look()
    shutil.rmtree(guarded.run_dir.path)
    guarded.side.turn(guarded.now + LEASE_MS // 10 - 1)
    assert not guarded.side._looking
    guarded.look()
    assert guarded.run_dir.is_there()


def test_a_directory_that_was_removed_is_made_again_with_all_that_was_in_it(guarded: Guarded) -> None:
    instance = guarded.run_dir.instance
    shutil.rmtree(guarded.run_dir.path)
    guarded.look()
    assert sorted(guarded.asked) == ["listen", "remember"]
    assert guarded.answers()
    assert guarded.run_dir.path.stat().st_mode & 0o007 == 0
    guarded.run_dir._lock.close()
    after = RunDir(guarded.run_dir.path)
    assert (after.instance, after.seen(), after.recall()) == (instance, (70, 3), MEMORY)
    assert guarded.said == [], "nothing is wrong any more"


@pytest.mark.parametrize("name", ["control.sock", "guard.sock"])
def test_a_socket_that_was_removed_is_made_again(guarded: Guarded, name: str) -> None:
    (guarded.run_dir.path / name).unlink()
    guarded.look()
    assert (guarded.run_dir.path / name).exists()
    assert guarded.answers()
    assert guarded.asked == (["listen"] if name == "guard.sock" else [])


@pytest.mark.parametrize(
    "why", ["a file is in its place", "another supervisor is in its place", "others may write to it"]
)
def test_one_that_cannot_be_made_again_is_said_once_and_its_end_too(guarded: Guarded, why: str) -> None:
    path = guarded.run_dir.path
    shutil.rmtree(path)
    other = None
    if why == "a file is in its place":
        path.touch()
    elif why == "another supervisor is in its place":
        other = RunDir(path)
    else:
        path.mkdir()
        path.chmod(0o777)
    for _ in range(3):
        guarded.look()
    (event,) = guarded.said
    assert isinstance(event, ev.RunDirSeen)
    assert event.run_dir.gone
    assert f"run directory {path} is gone and cannot be made again" in event.run_dir.problem
    if other is not None:
        other._lock.close()
    if path.is_dir():
        path.chmod(0o750)
    else:
        path.unlink()
    guarded.look()
    assert guarded.said[1:] == [ev.RunDirSeen(type(event.run_dir)())]
    assert guarded.answers()


def full(path: os.PathLike[str], **changes: int) -> Any:
    """What statvfs says of a file system without room."""
    real = os.statvfs(path)
    names = ("f_bsize", "f_frsize", "f_blocks", "f_bfree", "f_bavail", "f_files", "f_ffree", "f_favail", "f_flag")
    return os.statvfs_result([*(changes.get(name, getattr(real, name)) for name in names), real.f_namemax])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"f_bavail": 0}, "is full"),
        ({"f_files": 10, "f_favail": 0}, "takes no more files"),
        ({"f_flag": os.ST_RDONLY}, "is read-only"),
    ],
)
def test_one_that_is_full_is_said_within_a_heartbeat_and_what_was_not_written_is_written_when_it_is_not(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch, changes: dict[str, int], words: str
) -> None:
    found = full(guarded.run_dir.path, **changes)
    with monkeypatch.context() as patch:
        patch.setattr(os, "statvfs", lambda _path: found)
        for _ in range(3):
            guarded.look()
    (event,) = guarded.said
    assert isinstance(event, ev.RunDirSeen)
    assert words in event.run_dir.problem
    assert not event.run_dir.gone
    guarded.look()
    assert len(guarded.said) == 2
    assert guarded.asked == ["remember"]


def test_without_a_file_system_that_counts_files_none_is_missing(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = full(guarded.run_dir.path, f_files=0, f_favail=0)
    monkeypatch.setattr(os, "statvfs", lambda _path: found)
    assert guarded.run_dir.trouble() == ""
