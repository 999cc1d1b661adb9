"""playbooks/maintenance.yml on a localnet, which has no systemd: all but the stopping and starting of units."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from near_ha.transport import control_client
from near_localnet.inventory import inventory, names
from near_localnet.layout import SIGNER, VALIDATORS, Validator
from near_measure.stage import Stage

pytest.importorskip("ansible.cli")

ROOT = Path(__file__).resolve().parents[2]
LONGEST_S = 120
HOSTS = names()
# In place of tasks/work.yml, which asks systemd for the units around it.
ONLY_THE_WORK = "- ansible.builtin.include_tasks: '{{ maintenance_tasks }}'\n"
TRACE = "- ansible.builtin.copy: {{dest: '{directory}/{{{{ inventory_hostname }}}}', content: '', mode: '0600'}}\n"
# For one task, so that nothing else keeps the run from going on.
LOSE_THE_WAY = """\
- ansible.builtin.command: {argv: ['true']}
  vars: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}
"""


@dataclass(frozen=True)
class Checkout:
    """The playbooks, with an inventory of the localnet beside them, and a directory in which work leaves traces."""

    directory: Path
    stage: Stage

    def play(self, tasks: str, *arguments: str) -> tuple[int, str]:
        """Status of maintenance.yml with this work after the trace, and its output with each run of blanks as one."""
        work = self.directory / "work.yml"
        work.write_text(TRACE.format(directory=self.directory / "traces") + tasks)
        return self.run("maintenance.yml", "-e", f"maintenance_tasks={work}", *arguments)

    def run(self, playbook: str, *arguments: str) -> tuple[int, str]:
        """As `play`, of any playbook."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        command = [
            str(Path(sys.executable).with_name("ansible-playbook")),
            "-i",
            "inventory.yml",
            f"playbooks/{playbook}",
            # Role host would refuse a localnet.
            "--extra-vars",
            '{"_host_needs_systemd": false}',
        ]
        done = subprocess.run(
            [*command, *arguments], cwd=self.directory, env={**kept, "ANSIBLE_NOCOLOR": "1"}, check=False,
            timeout=LONGEST_S, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return done.returncode, " ".join(done.stdout.split())

    def worked_on(self) -> set[str]:
        """The hosts whose work has begun since the last time that this was asked."""
        found = list((self.directory / "traces").iterdir())
        for file in found:
            file.unlink()
        return {file.name for file in found}

    def paused(self) -> str:
        """The reason for which the failover is paused, "" if it is not."""
        said = self.ask("GET", "/cluster")["paused"]
        return str(said["reason"]) if said["paused"] else ""

    def request(self, verb: str, reason: str) -> None:
        """As a person would, beside the playbook."""
        body = {"member": "", "by": "alice", "reason": reason, "timeout_ms": 60_000, "force": False, "check": False}
        self.ask("POST", f"/{verb}", body)

    def ask(self, method: str, route: str, body: object = None) -> dict[str, Any]:
        """What the first supervisor says that answers: all of them know the cluster."""
        sockets = [self.stage.net.layout.run_dir(validator) / "control.sock" for validator in VALIDATORS]
        there = next(path for path in sockets if path.exists())
        return control_client.call(there, method, route, body)


@pytest.fixture
def checkout(stage: Stage, tmp_path: Path) -> Iterator[Checkout]:
    for name in ("ansible.cfg", "plugins"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copytree(
        ROOT / "playbooks", tmp_path / "playbooks", symlinks=True, ignore=shutil.ignore_patterns("collections")
    )
    (tmp_path / "playbooks" / "collections").symlink_to(ROOT / "playbooks" / "collections")
    (tmp_path / "playbooks" / "tasks" / "work.yml").write_text(ONLY_THE_WORK)
    (tmp_path / "inventory.yml").write_text(inventory(stage.net.layout))
    (tmp_path / "traces").mkdir()
    checkout = Checkout(tmp_path, stage)
    yield checkout
    checkout.request("resume", "the test is over")


def host_of(validator: Validator) -> str:
    """What the inventory calls it."""
    return next(host for host, name in HOSTS.items() if name == validator.name)


def test_each_host_hands_over_before_the_work_and_nothing_stays(checkout: Checkout) -> None:
    before, _standby = checkout.stage.roles()
    status, said = checkout.play("", "--check")
    assert (status, checkout.worked_on(), checkout.stage.roles()[0]) == (0, set(), before), said
    not_the_signer = "- ansible.builtin.assert: {that: now.leader.node_id != supervisor_node_id}\n"
    look = "- validator_ha.near.near_failover_info: {}\n  register: now\n"
    status, said = checkout.play(look + not_the_signer)
    assert status == 0, said
    assert checkout.worked_on() == set(HOSTS)
    assert checkout.paused() == ""


def test_work_that_fails_ends_the_run_and_the_pause(checkout: Checkout) -> None:
    status, said = checkout.play("- ansible.builtin.command: {argv: ['false']}\n")
    assert status != 0
    assert checkout.worked_on() == {"validator1"}, said
    assert checkout.paused() == ""


def test_a_host_that_is_lost_ends_the_run_and_the_same_command_carries_on(checkout: Checkout) -> None:
    status, said = checkout.play(LOSE_THE_WAY)
    assert status != 0
    assert checkout.worked_on() == {"validator1"}, said
    assert "near-supervisor resume on validator2 ends the pause" in said
    assert checkout.paused() == "playbooks/maintenance.yml works on validator1"
    status, said = checkout.play("", "--limit", "validator2")
    assert status != 0
    assert "has validator1 out of duty with this playbook, so validator2 stays" in said
    assert (checkout.worked_on(), checkout.paused()) == (set(), "playbooks/maintenance.yml works on validator1")
    status, said = checkout.play("")
    assert status == 0, said
    assert (checkout.worked_on(), checkout.paused()) == (set(HOSTS), "")


def test_a_pause_of_a_person_stays(checkout: Checkout) -> None:
    checkout.request("pause", "Consul moves")
    _validator, standby = checkout.stage.roles()
    status, said = checkout.play("", "--limit", host_of(standby))
    assert status == 0, said
    assert (checkout.worked_on(), checkout.paused()) == ({host_of(standby)}, "Consul moves")


def test_no_host_is_taken_away_while_nobody_validates(checkout: Checkout) -> None:
    checkout.request("pause", "Consul moves")
    validator, standby = checkout.stage.roles()
    checkout.stage.net.stop(validator.name)
    status, said = checkout.play("", "--limit", host_of(standby))
    assert status != 0
    assert "Nobody validates for default now" in said
    assert "which is paused (Consul moves): near-supervisor resume on any of the hosts lets it begin" in said
    assert (checkout.worked_on(), checkout.paused()) == (set(), "Consul moves")


SEE = """\
- hosts: {host}
  gather_facts: false
  vars:
    __near_now: {{status: {{state: Voting}}}}
    neard_home: {home}
    supervisor_account_id: {account}
    switchover_patience_s: 4
  tasks:
    - ansible.builtin.import_tasks: tasks/see_signatures.yml
"""


def test_the_chain_is_seen_to_count_what_is_signed(checkout: Checkout) -> None:
    validator, standby = checkout.stage.roles()
    home = checkout.stage.net.layout.home(standby)
    text = SEE.format(host=host_of(standby), home=json.dumps(str(home)), account=SIGNER)
    (checkout.directory / "playbooks" / "see.yml").write_text(text)
    status, said = checkout.run("see.yml")
    assert status == 0, said
    assert f"the chain has counted new blocks, chunks or endorsements of {SIGNER}" in said
    checkout.request("pause", "nobody takes over")
    checkout.stage.net.freeze(validator.name)
    try:
        status, said = checkout.run("see.yml")
    finally:
        checkout.stage.net.thaw(validator.name)
    assert status != 0
    assert f"The chain has counted nothing new of {SIGNER} in 4 s" in said
