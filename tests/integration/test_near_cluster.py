"""Groups of an inventory by what hosts do now: by Ansible itself, on a real Consul."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.guarded_consul import MASTER, guarded
from support.played_cluster import ACCOUNT, PlayedCluster, cluster
from support.real_consul import RealConsul

__all__ = ["cluster", "guarded"]

pytest.importorskip("ansible.cli")
pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
HOSTS = """\
[validators]
validator-1
spare ansible_host=host-2
third
[elsewhere]
web
"""


@pytest.fixture(scope="module")
def consul(guarded: RealConsul) -> RealConsul:
    return guarded


def listed(directory: Path, source: dict[str, Any], token: str = MASTER) -> tuple[dict[str, Any], str]:
    """What ``ansible-inventory --list`` shows, and what it said beside it."""
    hosts, asked = directory / "hosts", directory / "near_cluster.yml"
    hosts.write_text(HOSTS)
    (directory / "group_vars").mkdir(exist_ok=True)
    (directory / "group_vars" / "validators.yml").write_text(f"supervisor_account_id: {ACCOUNT}\n")
    asked.write_text(yaml.safe_dump({"plugin": "validator_ha.near.near_cluster", **source}))
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "CONSUL_"))}
    environ |= {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(directory / "home"), "COLUMNS": "1000"}
    if token:
        environ["CONSUL_HTTP_TOKEN"] = token
    command = [str(Path(sys.executable).with_name("ansible-inventory")), "-i", str(hosts), "-i", str(asked), "--list"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout), done.stderr


def members(found: dict[str, Any]) -> dict[str, list[str]]:
    """The hosts of our groups."""
    return {name: sorted(group.get("hosts", [])) for name, group in found.items() if name.startswith("near_")}


def variable(found: dict[str, Any], host: str, name: str) -> Any:
    """A variable of a host; Ansible says of text that is no template that it is none."""
    value = found["_meta"]["hostvars"].get(host, {}).get(name)
    return value["__ansible_unsafe"] if isinstance(value, dict) else value


def test_hosts_are_in_the_groups_of_what_they_do(cluster: PlayedCluster, tmp_path: Path) -> None:
    source = {"account_id": ACCOUNT, "consul_url": [cluster.consul.url]}
    found, _said = listed(tmp_path, source)
    assert members(found) == {"near_active": ["validator-1"], "near_standby": ["spare"], "near_unready": ["third"]}
    assert variable(found, "validator-1", "near_state") == "Voting"
    assert "no member of the cluster" in variable(found, "third", "near_reason")
    assert variable(found, "web", "near_state") is None
    cluster.publish("validator-2", ready=False, reason="120 blocks behind")
    found, _said = listed(tmp_path, source)
    assert members(found)["near_unready"] == ["spare", "third"]
    assert variable(found, "spare", "near_reason") == "120 blocks behind"


def test_the_example_of_its_documentation_works(cluster: PlayedCluster, tmp_path: Path) -> None:
    plugin = (ROOT / "plugins" / "inventory" / "near_cluster.py").read_text()
    example = yaml.safe_load(plugin.partition('EXAMPLES = r"""')[2].partition('"""')[0])
    assert (example["account_id"], len(example["consul_url"])) == (ACCOUNT, 2)
    # The agents have other addresses here; the first of them is down.
    found, _said = listed(tmp_path, {**example, "consul_url": ["http://127.0.0.1:1", cluster.consul.url]})
    assert members(found)["near_active"] == ["validator-1"]


def test_it_only_reads(cluster: PlayedCluster, tmp_path: Path) -> None:
    before = cluster.store()
    listed(tmp_path, {"consul_url": [cluster.consul.url]})
    assert cluster.store() == before


def test_what_a_member_says_of_itself_is_text_and_never_a_template(cluster: PlayedCluster, tmp_path: Path) -> None:
    said = "{{ lookup('ansible.builtin.pipe', 'id') }}"
    cluster.publish("validator-2", ready=False, reason=said)
    found, _said = listed(tmp_path, {"consul_url": [cluster.consul.url]})
    assert found["_meta"]["hostvars"]["spare"]["near_reason"] == {"__ansible_unsafe": said}


@pytest.mark.parametrize(
    ("source", "token", "sentence"),
    [
        ({"account_id": "nobody.near"}, MASTER, "has no cluster of account nobody.near"),
        ({"account_id": ACCOUNT}, "", "(HTTP 403)"),
        ({"account_id": ACCOUNT, "consul_url": ["http://127.0.0.1:1"]}, MASTER, "does not answer"),
        ({"account_id": ACCOUNT, "consul_url": ["localhost"]}, MASTER, "the Consul URL 'localhost' is none"),
        ({"account_id": ACCOUNT, "consul_token_file": "/none"}, "", "token file /none cannot be read"),
    ],
)
def test_who_cannot_be_asked_leaves_no_group_behind(
    cluster: PlayedCluster, tmp_path: Path, source: dict[str, Any], token: str, sentence: str
) -> None:
    found, said = listed(tmp_path, {"consul_url": [cluster.consul.url], **source}, token)
    assert not members(found)
    assert sentence in " ".join(said.split())
    assert MASTER not in said
