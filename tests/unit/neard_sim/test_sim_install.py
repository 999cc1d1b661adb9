"""The program ``neard`` that the simulated one is: it runs wherever a checkout and its interpreter lie."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from neard_sim import install

PLAIN_LOCALE = {"PATH": os.environ["PATH"], "LC_ALL": "C", "PYTHONUTF8": "0"}


@pytest.mark.parametrize(
    "place", ["plain", "a b", "it's ü", 'a "quoted" $HOME `id`', "back\\slash", "a" * 150], ids=lambda it: it[:8]
)
def test_it_runs_with_an_interpreter_in_any_directory(
    tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / place
    home.mkdir()
    python = home / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    neard = install.write(home / "bin")
    done = subprocess.run([str(neard), "--version"], capture_output=True, text=True, check=False, env=PLAIN_LOCALE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("neard ")
