"""How programs end whose output nobody takes: each of ours, with a reader that has gone and on a full disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PATHS = [ROOT / name for name in ("src", "plugins/module_utils", "tests", "tests/simulation")]
SUPERVISOR = "from near_supervisor.commandline.{0} import main; raise SystemExit(main())"
PROGRAMS = {
    "bin/localnet": ["-m", "near_localnet", "--data", "/nonexistent", "status"],
    "bin/localnet help": ["-m", "near_localnet", "--help"],
    "bin/bench": ["-m", "near_bench", "table", str(next(ROOT.glob("docs/**/chain-real.json")))],
    "bin/chaos": ["-m", "near_chaos", "--help"],
    "bin/simulate": ["-m", "cluster_sim", "--seeds", "1"],
    "bin/breaks": ["-m", "breaks", "--list"],
    "near-supervisor": ["-c", SUPERVISOR.format("main"), "--version"],
    "near-supervisor status": ["-c", SUPERVISOR.format("main"), "status", "--help"],
    "kuutamoctl": ["-c", SUPERVISOR.format("kuutamoctl"), "--help"],
}


# argparse itself says nothing of help that cannot be written.
UNBUFFERED = {name: words for name, words in PROGRAMS.items() if not words[-1].startswith("--")}


def play(words: list[str], output: int, unbuffered: str = "") -> tuple[int, str]:
    """Exit status, and what stands on standard error."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, PATHS)), "PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(
        [sys.executable, *words], stdout=output, stderr=subprocess.PIPE, text=True, check=False, env=environ, timeout=60
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("words", PROGRAMS.values(), ids=list(PROGRAMS))
def test_a_reader_that_has_gone_is_no_traceback(words: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        status, said = play(words, writer)
    finally:
        os.close(writer)
    assert (status, said) == (141, "")


@pytest.mark.parametrize("words", PROGRAMS.values(), ids=list(PROGRAMS))
def test_a_full_disk_is_one_sentence(words: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        status, said = play(words, full.fileno())
    assert status == 1
    assert said.endswith(": cannot write: No space left on device\n")
    assert said.count("\n") == 1


@pytest.mark.parametrize("words", UNBUFFERED.values(), ids=list(UNBUFFERED))
def test_and_where_nothing_is_buffered(words: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        assert play(words, writer, "1") == (141, "")
    finally:
        os.close(writer)
    with Path("/dev/full").open("w") as full:
        status, said = play(words, full.fileno(), "1")
    assert (status, said.count("\n")) == (1, 1), said


def test_a_program_without_any_output_ends_as_ever() -> None:
    """Python has no standard output then, as where a service manager or a script has closed it."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, PATHS))}
    words = [sys.executable, *PROGRAMS["near-supervisor"]]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *words], stderr=subprocess.PIPE, text=True, check=False, env=environ
    )
    assert (done.returncode, done.stderr) == (0, "")
