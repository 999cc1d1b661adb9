"""README's commands for day two, as they stand there, on a localnet."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from near_ha.transport import control_client
from near_localnet.inventory import inventory, names
from near_measure.stage import Stage
from support.waiting import until

ROOT = Path(__file__).resolve().parents[2]
LONGEST_S = 120
READY_S = 60
WATCH_S = 3


def readme(number: int) -> list[str]:
    """The commands of a block of the README's section, without their comments."""
    section = (ROOT / "README.md").read_text().partition("\n## Day two\n")[2].partition("\n## ")[0]
    block = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)[number]
    return [line for line in block.splitlines() if line and not line.startswith("#")]


def typed(line: str, directory: Path, **environ: str) -> str:
    """What a line prints, typed into a shell in ``directory`` with this project's programs in PATH.

    Typed again while the target is not ready, or no standby is, as the refusal says to: a neard that has signed is
    started afresh once it gave its role away, and its supervisor asks for a new session.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    kept |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1", **environ}
    said: list[str] = []

    def taken() -> bool:
        done = subprocess.run(
            ["bash", "-c", line], cwd=directory, env=kept, check=False, timeout=LONGEST_S, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        said.append(done.stdout)
        waits = "is not ready" in done.stdout or "no standby is ready" in done.stdout
        assert done.returncode == 0 or waits, f"{line}\n{done.stdout}"
        return done.returncode == 0

    until(line, taken, lambda: said[-1], READY_S)
    return said[-1]


def seen(stage: Stage) -> tuple[str, bool]:
    """Who signs, by the localnet's own look, and whether the failover is paused."""
    old, new = stage.roles()
    status = control_client.call(stage.net.layout.run_dir(new) / "control.sock", "GET", "/status")
    return old.name, status["paused"] is True


@pytest.fixture
def unpaused(stage: Stage) -> Iterator[Stage]:
    """The stage; whatever becomes of the test, no pause is left for the next one."""
    yield stage
    control_client.call(stage.net.layout.run_dir(stage.roles()[0]) / "control.sock", "POST", "/resume")


def test_the_commands_of_the_controller(unpaused: Stage, tmp_path: Path) -> None:
    pytest.importorskip("ansible.cli")
    stage = unpaused
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
        # A supervisor hears of a pause a moment later.
        until(line, lambda check=checks[action]: check(*seen(stage)), lambda said=said: said)  # type: ignore[misc]


def test_the_commands_on_a_host(unpaused: Stage, tmp_path: Path) -> None:
    stage = unpaused
    old, new = stage.roles()
    run_dir = str(stage.net.layout.run_dir(new))
    for line in readme(1):
        words = shlex.split(line.partition("#")[0])
        before = seen(stage)
        watched = f"timeout {WATCH_S} {' '.join(words)} || test $? = 124" if "--watch" in words else line
        said = typed(watched, tmp_path, NEAR_SUPERVISOR_RUN_DIR=run_dir)
        expected = {
            "promote": (new.name, False) if "--check" not in words else before,
            "demote": (old.name, False),
            "pause": (before[0], True),
            "resume": (before[0], False),
        }
        wanted = expected.get(words[1], before)
        until(line, lambda wanted=wanted: seen(stage) == wanted, lambda said=said: said)  # type: ignore[misc]
