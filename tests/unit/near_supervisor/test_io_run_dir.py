"""The run directory: one supervisor at a time, and a memory that is either whole or none."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from near_ha.errors import BadConfig
from near_supervisor.core.facts.chain_clock import ChainClock
from near_supervisor.core.facts.leadership import SavedState
from near_supervisor.io import run_dir
from near_supervisor.io.run_dir import RunDir

MEMORY = SavedState("session-a", 7, 1234, ChainClock(-5, 98_000))


def refused(path: Path) -> BadConfig:
    with pytest.raises(BadConfig) as caught:
        RunDir(path)
    assert str(path) in caught.value.message
    assert caught.value.hint
    return caught.value


def release(directory: RunDir) -> None:
    """What the end of its process does."""
    directory._lock.close()


def test_it_is_made_with_its_parents_and_is_private(tmp_path: Path) -> None:
    directory = RunDir(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o007 == 0
    directory.remember(MEMORY)
    assert (directory.path / "leadership.json").stat().st_mode & 0o077 == 0


def test_a_second_supervisor_is_refused_until_the_first_has_gone(tmp_path: Path) -> None:
    first = RunDir(tmp_path)
    error = refused(tmp_path)
    assert "another near-supervisor is running" in error.message
    assert "--run-dir" in error.hint
    release(first)
    RunDir(tmp_path)


def test_the_instance_stays_over_restarts_and_differs_between_directories(tmp_path: Path) -> None:
    first = RunDir(tmp_path / "a")
    release(first)
    assert RunDir(tmp_path / "a").instance == first.instance
    assert RunDir(tmp_path / "b").instance != first.instance


@pytest.mark.parametrize(
    "left", [b"", b"\n", b"\xff\xfe\x00garbage", b"\0" * 16, b"two words", b"x" * 10_000, "ä/#".encode()]
)
def test_an_instance_that_is_none_is_made_anew(tmp_path: Path, left: bytes) -> None:
    (tmp_path / "instance").write_bytes(left)
    made = RunDir(tmp_path)
    assert len(made.instance) == 16
    assert made.instance.isalnum()
    release(made)
    assert RunDir(tmp_path).instance == made.instance


@pytest.mark.parametrize("memory", [MEMORY, replace(MEMORY, clock=None), replace(MEMORY, answered=True)])
def test_what_is_remembered_is_recalled_by_the_next(tmp_path: Path, memory: SavedState) -> None:
    first = RunDir(tmp_path)
    assert first.recall() is None
    first.remember(replace(MEMORY, term=6))
    first.remember(memory)
    release(first)
    assert RunDir(tmp_path).recall() == memory
    assert not list(tmp_path.glob("*.new"))


def test_what_cannot_be_written_leaves_nothing_older(tmp_path: Path) -> None:
    """The older one may name a height that the signer has passed."""
    directory = RunDir(tmp_path)
    directory.remember(MEMORY)
    (tmp_path / "leadership.json.new").mkdir()
    with pytest.raises(OSError, match="leadership"):
        directory.remember(replace(MEMORY, floor=1300))
    assert directory.recall() is None


def test_what_an_older_version_has_remembered_is_recalled(tmp_path: Path) -> None:
    """It kept more; an update need not cost a failover."""
    text = '{"session": "session-a", "term": 7, "floor": 1234, "ceiling": {"target": 1240, "at": 99000}, "clock": null}'
    (tmp_path / "leadership.json").write_text(text)
    assert RunDir(tmp_path).recall() == replace(MEMORY, clock=None)


@pytest.mark.parametrize("cut", [0, 1, 20, 60])
def test_a_torn_memory_is_no_memory(tmp_path: Path, cut: int) -> None:
    directory = RunDir(tmp_path)
    directory.remember(MEMORY)
    file = tmp_path / "leadership.json"
    file.write_text(file.read_text()[:cut])
    assert directory.recall() is None


@pytest.mark.parametrize(
    "text",
    ["null", "[]", "7", '"x"', "{}", '{"session": "s", "term": 1}', "[" * 100_000,
     '{"session": "s", "term": "x", "floor": 1}',
     '{"session": "s", "term": 1e400, "floor": 1}',
     '{"session": "s", "term": NaN, "floor": 1}',
     '{"session": "s", "term": null, "floor": 1}',
     '{"session": "s", "term": 1, "floor": [1, 2]}',
     '{"session": "s", "term": 1, "floor": 1, "clock": 0}'],
)  # fmt: skip
def test_a_memory_of_another_shape_is_no_memory(tmp_path: Path, text: str) -> None:
    directory = RunDir(tmp_path)
    (tmp_path / "leadership.json").write_text(text)
    assert directory.recall() is None


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60))
def test_any_bytes_are_a_memory_or_none(directory: RunDir, raw: bytes) -> None:
    (directory.path / "leadership.json").write_bytes(raw)
    assert directory.recall() is None


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    return RunDir(tmp_path_factory.mktemp("run"))


def test_a_path_too_long_for_a_socket_is_refused_before_anything_needs_one(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 100)
    error = refused(path)
    assert "too long a path" in error.message
    assert "shorter" in error.hint


def test_the_longest_path_that_is_accepted_takes_both_sockets(tmp_path: Path) -> None:
    room = run_dir._MAX_SOCKET_PATH - len(str(tmp_path / "x" / "control.sock"))
    if room < 0:
        pytest.skip(f"the test's own directory {tmp_path} is too long")
    directory = RunDir(tmp_path / ("x" * (room + 1)))
    for name in ("control.sock", "guard.sock"):
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(directory.path / name))


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    assert "File exists" in refused(tmp_path / "run").message
    assert "Not a directory" in refused(tmp_path / "run" / "below").message


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take the rights of somebody else")
def test_an_unwritable_directory_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    os.seteuid(65534)
    try:
        error = refused(tmp_path)
    finally:
        os.seteuid(0)
    assert "Permission denied" in error.message
    assert "--run-dir" in error.hint


def test_a_full_disk_is_said_not_thrown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "No space left on device" in refused(tmp_path).message


def test_the_largest_index_and_term_outlive_the_process(tmp_path: Path) -> None:
    first = RunDir(tmp_path)
    assert first.seen() == (0, 0)
    first.keep_seen(48_213, 7)
    release(first)
    assert RunDir(tmp_path).seen() == (48_213, 7)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("", (0, 0)), ("-1", (0, 0)), ("1.5 7", (0, 7)), ("x y z", (0, 0)), ("9" * 20, (0, 0)), ("\udcff", (0, 0)),
        ("48213", (48_213, 0)), ("5 6 7", (5, 6)),
    ],
)  # fmt: skip
def test_what_is_no_number_is_nothing_and_an_older_version_kept_no_term(
    tmp_path: Path, text: str, seen: tuple[int, int]
) -> None:
    directory = RunDir(tmp_path)
    (directory.path / "index").write_text(text, errors="surrogateescape")
    assert directory.seen() == seen
