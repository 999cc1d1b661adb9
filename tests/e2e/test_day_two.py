"""README's commands for day two, as they stand there, on a localnet."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from near_bench.stage import Stage
from near_ha import control_client
from near_localnet.inventory import inventory, names

ROOT = Path(__file__).resolve().parents[2]
LONGEST_S = 120
WATCH_S = 3


def readme(number: int) -> list[str]:
    """The commands of a block of the README's section, without their comments."""
    section = (ROOT / "README.md").read_text().partition("\n## Day two\n")[2].partition("\n## ")[0]
    block = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)[number]
    return [line for line in block.splitlines() if line and not line.startswith("#")]


def typed(line: str, directory: Path, **environ: str) -> str:
    """What a line prints, typed into a shell in ``directory`` with this project's programs in PATH."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    kept |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1", **environ}
    done = subprocess.run(
        ["bash", "-c", line], cwd=directory, env=kept, check=False, timeout=LONGEST_S, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, f"{line}\n{done.stdout}"
    return done.stdout


def seen(stage: Stage) -> tuple[str, bool]:
    """Who signs, by the localnet's own look, and whether the failover is paused."""
    old, new = stage.roles()
    status = control_client.call(stage.net.layout.run_dir(new) / "control.sock", "GET", "/status")
    return old.name, status["paused"] is True


def test_the_commands_of_the_controller(stage: Stage, tmp_path: Path) -> None:
    pytest.importorskip("ansible.cli")
    for name in ("ansible.cfg", "playbooks", "plugins"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "inventory.yml").write_text(inventory(stage.net.layout))
    host = names()
    for line in readme(0):
        words = shlex.split(line.partition("#")[0])
        before = seen(stage)
        typed(f"{line.partition('#')[0]} --check", tmp_path)
        assert seen(stage) == before, line
        said = typed(line, tmp_path)
        action = words[words.index("-a") + 1].split()[0] if "-a" in words else ""
        checks: dict[str, Callable[[str, bool], bool]] = {
            "": lambda signer, _paused, said=said: f'"node_id": "{signer}"' in said,  # type: ignore[misc]
            "promote": lambda signer, _paused, words=words: signer == host[words[1]],  # type: ignore[misc]
            "demote": lambda signer, _paused, words=words: signer != host[words[1]],  # type: ignore[misc]
            "pause": lambda _signer, paused: paused,
            "resume": lambda _signer, paused: not paused,
        }
        assert checks[action](*seen(stage)), f"{line}\n{said}"


def test_the_commands_on_a_host(stage: Stage, tmp_path: Path) -> None:
    _old, new = stage.roles()
    run_dir = str(stage.net.layout.run_dir(new))
    for line in readme(1):
        words = shlex.split(line.partition("#")[0])
        before = seen(stage)
        watched = f"timeout {WATCH_S} {' '.join(words)} || test $? = 124" if "--watch" in words else line
        said = typed(watched, tmp_path, NEAR_SUPERVISOR_RUN_DIR=run_dir)
        signer, paused = seen(stage)
        if "--check" in words or words[1] in ("status", "history"):
            assert (signer, paused) == before, f"{line}\n{said}"
        else:
            assert {"promote": signer == new.name, "demote": signer != new.name}.get(words[1], True), f"{line}\n{said}"
            assert paused is (words[1] == "pause"), f"{line}\n{said}"
