"""The log of guard and neard stays bounded, though they write into it by a descriptor that they keep."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from near_supervisor.io import neard_log
from support.waiting import until

# Appends each line that it is told to what it was started with, as neard does.
WRITER = "import sys\nfor line in sys.stdin: sys.stdout.write(line); sys.stdout.flush()"
MOST = 20_000


class Writer:
    """A program whose output goes to a file, opened as the guard opens it."""

    def __init__(self, log: Path) -> None:
        self.log = log
        fd = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        self.process = subprocess.Popen([sys.executable, "-c", WRITER], stdin=subprocess.PIPE, stdout=fd, text=True)
        self.file = os.dup(fd)
        os.close(fd)

    def write(self, text: str) -> None:
        assert self.process.stdin
        before = os.fstat(self.file).st_size
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        until("it is written", lambda: os.fstat(self.file).st_size == before + len(text) + 1, lambda: "")

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdin
        self.process.stdin.close()
        os.close(self.file)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    writer = Writer(tmp_path / "neard.log")
    yield writer
    writer.end()


def bound(writer: Writer, most: int = MOST) -> None:
    neard_log.bound(writer.log.parent, writer.process.pid, most)


def test_what_is_small_enough_stays_as_it_is(writer: Writer) -> None:
    writer.write("a" * (MOST // 2 - 1))
    bound(writer)
    assert writer.log.stat().st_size == MOST // 2
    assert not (writer.log.parent / "neard.log.1").exists()


def test_what_is_too_large_begins_anew_and_its_writer_goes_on(writer: Writer) -> None:
    kept = writer.log.parent / "neard.log.1"
    for turn in range(3):
        writer.write(f"{turn}" * (MOST // 2))
        bound(writer)
        assert writer.log.stat().st_size == 0
        assert set(kept.read_text().strip()) == {str(turn)}
        assert kept.stat().st_mode & 0o777 == 0o640
        assert writer.log.stat().st_size + kept.stat().st_size <= MOST
    writer.write("the next line")
    assert writer.log.read_text() == "the next line\n", "no hole where the old lines were"


def test_of_what_was_never_bounded_only_the_end_is_kept(writer: Writer) -> None:
    writer.write("old" * MOST + "the last line")
    bound(writer)
    kept = (writer.log.parent / "neard.log.1").read_text()
    assert len(kept) == MOST // 2
    assert kept.endswith("the last line\n")


def test_a_log_that_was_removed_is_bounded_as_long_as_somebody_writes_it(writer: Writer) -> None:
    writer.log.unlink()
    writer.write("x" * MOST)
    bound(writer)
    assert os.fstat(writer.file).st_size == 0


def test_where_nothing_can_be_kept_it_is_given_up(writer: Writer, caplog: pytest.LogCaptureFixture) -> None:
    (writer.log.parent / "neard.log.1").mkdir()
    writer.write("x" * MOST)
    with caplog.at_level(logging.WARNING):
        bound(writer)
    assert writer.log.stat().st_size == 0
    assert "could not be kept" in caplog.text


@pytest.mark.parametrize("name", ["another.log", "neard.log.old"])
def test_what_is_not_that_log_is_nobodys_business(tmp_path: Path, name: str) -> None:
    writer = Writer(tmp_path / name)
    try:
        writer.write("x" * MOST)
        bound(writer)
        assert writer.log.stat().st_size > MOST
    finally:
        writer.end()


def test_who_is_gone_has_no_log(tmp_path: Path) -> None:
    neard_log.bound(tmp_path, 2**22 + 1, MOST)
