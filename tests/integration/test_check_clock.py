"""The check of clocks before a deployment: a slow way to the host is no wrong clock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ansible.cli")
pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
PLAY = """\
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.import_tasks: {tasks}
      vars: {{__consul_look: {{clock_skew_s: {seen}}}}}
"""


def check(directory: Path, seen: float, off_s: int = 0) -> tuple[int, str]:
    """Status and output where the first look saw ``seen`` seconds, on a host whose clock is ``off_s`` seconds ahead."""
    play = directory / "play.yml"
    play.write_text(PLAY.format(tasks=ROOT / "playbooks/tasks/check_clock.yml", seen=seen))
    shown = directory / "bin"
    shown.mkdir()
    (shown / "date").write_text(f'#!/bin/sh\nexec /bin/date -d "{off_s} seconds" "$@"\n')
    (shown / "date").chmod(0o755)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environ |= {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(directory / "home"), "ANSIBLE_LOCALHOST_WARNING": "0"}
    environ["PATH"] = f"{shown}{os.pathsep}{environ['PATH']}"
    host = {"ansible_python_interpreter": sys.executable}
    done = subprocess.run(
        [PLAYBOOK, "-i", "localhost,", "-c", "local", "-e", json.dumps(host), play],
        cwd=directory,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout


def test_a_clock_that_looked_right_is_not_read_again(tmp_path: Path) -> None:
    status, said = check(tmp_path, 1.5, off_s=100)
    assert (status, "skipping" in said) == (0, True), said


def test_a_slow_way_is_no_wrong_clock(tmp_path: Path) -> None:
    status, said = check(tmp_path, 9.0)
    assert status == 0, said


@pytest.mark.parametrize("off_s", [100, -100])
def test_a_wrong_clock_is_named_with_how_far_it_is_off(tmp_path: Path, off_s: int) -> None:
    status, said = check(tmp_path, off_s + 0.2, off_s=off_s)
    assert status == 2, said
    found = said.split("The clock of localhost is ")[1].split(" s from")[0]
    assert abs(float(found) - off_s) < 30, said
