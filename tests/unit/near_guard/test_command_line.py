"""The command ``near-guard``: whoever calls it wrongly is told how."""

from __future__ import annotations

import subprocess
import sys

import pytest

from near_supervisor.io import guard_process


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["--help"], 0, "--key-link FILE"),
        (["--home", "h", "--key-link", "k"], 2, "--run-dir is missing"),
        (
            ["--run-dir", "r", "--home", "h", "--key-link", "k", "--linger", "long"],
            2,
            "'long' is not a number of seconds",
        ),
        (["--run-dir", "r", "--home", "h", "--key-link", "k", "start"], 2, "what is 'start'?"),
        (["--rundir", "r"], 2, "option --rundir not recognized"),
    ],
)
def test_whoever_calls_it_wrongly_is_told_how(words: list[str], status: int, says: str) -> None:
    done = subprocess.run(
        [sys.executable, guard_process.FROM_FILES, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == status
    assert says in done.stdout + done.stderr
