"""The literal command, ``ansible validator2 -m near_failover -a promote``, by Ansible itself from a checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.played_cluster import PlayedCluster, control_socket, played
from support.real_consul import real_consul

pytest.importorskip("ansible.cli")
pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
ANSIBLE = Path(sys.executable).with_name("ansible")
SHORT, FULL = "near_failover", "validator_ha.near.near_failover"
INVENTORY = """\
validator1
validator2
[all:vars]
ansible_connection=local
ansible_python_interpreter={python}
[validators]
validator1
validator2
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[PlayedCluster]:
    """This host is validator-2, whatever the inventory calls it."""
    with real_consul(tmp_path) as consul, played(consul) as running, control_socket(running, tmp_path, "validator-2"):
        yield running


def ad_hoc(directory: Path, hosts: str, *words: str) -> tuple[int, str]:
    """Status and output of ``ansible HOSTS -i …`` in the checkout."""
    inventory = directory / "inventory"
    inventory.write_text(INVENTORY.format(python=sys.executable))
    # Where a play would say it once for all modules, an ad-hoc command has the environment of nobody.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environ |= {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(directory / "home"), "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1"}
    environ["ANSIBLE_STDOUT_CALLBACK"] = "ansible.builtin.minimal"
    command = [str(ANSIBLE), hosts, "-i", str(inventory), *words]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("module", [SHORT, FULL])
def test_the_command_as_it_is_written(cluster: PlayedCluster, tmp_path: Path, module: str) -> None:
    words = ["-m", module, "-a", f"promote run_dir={tmp_path} timeout=30"]
    before = cluster.store()
    status, said = ad_hoc(tmp_path, "validator2", *words, "--check", "--diff")
    assert status == 0, said
    assert "-leader: validator-1\n+leader: validator-2" in said
    assert cluster.store() == before
    status, said = ad_hoc(tmp_path, "validator2", *words)
    assert status == 0, said
    result = json.loads(said[said.index("{") :])
    assert (result["changed"], result["leader_after"]) == (True, "validator-2")
    request = cluster.cluster().request
    assert request is not None
    assert request.asked_by.endswith(" (Ansible)")
    status, said = ad_hoc(tmp_path, "validator2", *words)
    assert '"changed": false' in said


def test_a_node_may_follow_the_word(cluster: PlayedCluster, tmp_path: Path) -> None:
    status, said = ad_hoc(tmp_path, "validator2", "-m", SHORT, "-a", f"promote validator-1 run_dir={tmp_path}")
    assert status == 0, said
    assert "validator-1 is the validator already" in said


def test_two_hosts_of_one_play_are_not_both_promoted(cluster: PlayedCluster, tmp_path: Path) -> None:
    before = cluster.store()
    status, said = ad_hoc(tmp_path, "validators", "-m", SHORT, "-a", f"promote run_dir={tmp_path}")
    assert status != 0
    assert said.count("this play would promote 2 hosts (validator1, validator2), and only one can validate") >= 2
    assert cluster.store() == before


def test_a_word_that_means_nothing(tmp_path: Path) -> None:
    status, said = ad_hoc(tmp_path, "validator2", "-m", SHORT, "-a", "promot")
    assert status != 0
    assert "value of action must be one of: promote, demote, pause, resume, cancel, got: promot" in said


def test_the_info_module_by_its_short_name(cluster: PlayedCluster, tmp_path: Path) -> None:
    status, said = ad_hoc(tmp_path, "validator2", "-m", "near_failover_info", "-a", f"run_dir={tmp_path}")
    assert status == 0, said
    assert json.loads(said[said.index("{") :])["leader"]["node_id"] == "validator-1"
