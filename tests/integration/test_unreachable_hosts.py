"""Every playbook with hosts that cannot be reached, from a checkout with a space in its path: it stops there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ansible.cli")

ROOT = Path(__file__).resolve().parents[2]
LONGEST_S = 110
# Port 1 of loopback: the connection is refused at once.
INVENTORY = """\
all:
  children:
    consul_servers: &hosts
      hosts:
        validator1: {ansible_host: 127.0.0.1, ansible_port: 1}
        validator2: {ansible_host: 127.0.0.2, ansible_port: 1}
    validators: *hosts
  vars:
    supervisor_account_id: a.near
    neard_chain_id: localnet
    neard_simulated: true
"""
WORDS = {"teardown": ["-e", "teardown_account=a.near"]}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    directory = tmp_path / "a b" / "ü"
    directory.mkdir(parents=True)
    for name in ("ansible.cfg", "playbooks", "plugins", "roles", "tools", "src"):
        (directory / name).symlink_to(ROOT / name)
    (directory / "inventory.yml").write_text(INVENTORY)
    return directory


def ran(checkout: Path, program: str, *words: str) -> tuple[int, str]:
    """Exit status and output of one of Ansible's programs."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    done = subprocess.run(
        [str(Path(sys.executable).with_name(program)), "-i", "inventory.yml", *words],
        cwd=checkout, env={**environ, "ANSIBLE_NOCOLOR": "1"}, check=False, timeout=LONGEST_S, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return done.returncode, done.stdout


@pytest.mark.parametrize("name", ["deploy", "switchover", "teardown"])
def test_a_play_whose_hosts_cannot_be_reached_is_the_last(name: str, checkout: Path) -> None:
    status, said = ran(checkout, "ansible-playbook", f"playbooks/{name}.yml", *WORDS.get(name, ()))
    assert status != 0
    before, unreachable, after = said.partition("UNREACHABLE!")
    assert unreachable, said
    assert "PLAY [" in before
    assert "PLAY [" not in after, said
    assert "TASK [" not in after, said


def test_no_host_is_worked_on_while_no_other_one_answers(checkout: Path) -> None:
    status, said = ran(checkout, "ansible-playbook", "playbooks/maintenance.yml", "-e", "maintenance_reboot=true")
    assert status != 0
    assert "No other host of a.near answers, so validator1 is not taken away" in said, said
    assert "TASK [" not in said.partition("No other host of a.near answers")[2], said


def test_status_shows_them(checkout: Path) -> None:
    status, said = ran(checkout, "ansible-playbook", "playbooks/status.yml")
    assert status == 0, said
    assert said.count("cannot be reached") == 2, said


def test_a_module_says_it(checkout: Path) -> None:
    status, said = ran(checkout, "ansible", "validator2", "-m", "near_failover", "-a", "promote")
    assert status != 0
    assert "UNREACHABLE!" in said, said
    assert "Traceback" not in said
