"""Tests that were started by nohup start processes that hear SIGHUP."""

from __future__ import annotations

import subprocess
import sys

import pytest

CHILD = "import signal; print(*(signal.getsignal(n) is signal.SIG_IGN for n in (signal.SIGHUP, signal.SIGINT)))"
PARENT = f"""
import os, signal, subprocess, sys
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
if sys.argv[1] == "let":
    from support.signals import let_children_hear
    let_children_hear()
os.kill(os.getpid(), signal.SIGHUP)
os.kill(os.getpid(), signal.SIGINT)
subprocess.run([sys.executable, "-c", {CHILD!r}], check=True)
"""


@pytest.mark.parametrize(("how", "ignores"), [("let", "False False"), ("leave", "True True")])
def test_children_hear_what_the_parent_still_ignores(pytestconfig: pytest.Config, how: str, ignores: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PARENT, how],
        capture_output=True, text=True, check=False, cwd=pytestconfig.rootpath / "tests",
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, ignores), done.stderr
