"""What the roles make of hosts that are not like the one that they were written on: rendered by Ansible."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.debian_units import DebianHost
from support.pages import ROOT

ONLY_IPV6 = {"default_ipv4": {}, "default_ipv6": {"address": "2001:db8::7"}, "os_family": "Debian"}
BOTH = {"default_ipv4": {"address": "10.0.0.7"}, "default_ipv6": {"address": "2001:db8::7"}, "os_family": "Debian"}
SERVERS = ["a", "b", "c"]


def host(**given: Any) -> DebianHost:
    return DebianHost(**{"supervisor_account_id": "my.pool.near", "ansible_check_mode": False, **given})


# --- addresses


@pytest.mark.parametrize(
    ("facts", "any_address", "own"),
    [(ONLY_IPV6, "[::]", "2001:db8::7"), (BOTH, "0.0.0.0", "10.0.0.7"), ({"os_family": "Debian"}, "0.0.0.0", "")],
    ids=["only IPv6", "both", "not known"],
)
def test_a_host_listens_on_addresses_that_it_has(facts: dict[str, Any], any_address: str, own: str) -> None:
    there = host(ansible_facts=facts)
    assert there.value("{{ _neard_config.network.addr }}") == f"{any_address}:24567"
    environment = there.value("{{ _supervisor_environment }}")
    for name in ("KUUTAMO_VALIDATOR_NETWORK_ADDR", "KUUTAMO_VOTER_NETWORK_ADDR"):
        assert environment[name] == f"{any_address}:24567"
    assert there.value("{{ consul_bind_address }}") == own


def test_agents_join_servers_that_have_ipv6_only() -> None:
    there = host(
        inventory_hostname="a",
        groups={"consul_servers": ["a"], "validators": ["a"]},
        hostvars={"a": {"ansible_facts": ONLY_IPV6}},
        ansible_facts=ONLY_IPV6,
    )
    assert there.value("{{ _consul_server_addresses }}") == ["[2001:db8::7]:8301"]
    assert there.value("{{ _consul_config_base.bind_addr }}") == "2001:db8::7"


# --- the secrets of Consul


def keeper(order: list[str], first_has: bool, **others: str) -> str:
    results = [{"item": name, "stat": {"exists": state == "has"}} for name, state in others.items()]
    there = host(
        inventory_hostname="a",
        groups={"consul_servers": order, "validators": ["v"]},
        hostvars={name: {} for name in (*order, "v")},
        __consul_first={"stat": {"exists": first_has}},
        __consul_others={"results": results} if results else {"skipped": True},
    )
    return str(there.value("{{ _consul_keeper }}"))


def test_the_secrets_are_where_they_were_made_whatever_the_order_of_the_servers() -> None:
    assert keeper(["a", "b", "c"], True) == "a"
    assert keeper(["c", "a", "b"], False, a="has", b="not", v="not") == "a"
    assert keeper(["c", "b"], False, b="not", v="has") == "v", "it was a server once"
    assert keeper(["a", "b", "c"], False, b="not", c="not", v="not") == "a", "nobody has any yet"
    assert keeper(["a", "b", "c"], False, b="not", c="has") == "c"


# --- owners


@pytest.mark.parametrize(
    ("given", "owner"),
    [({}, "near"), ({"neard_user": "n"}, "n"), ({"neard_user": "n", "supervisor_service_user": "s"}, "s")],
    ids=["nothing", "neard's user", "the supervisor's user"],
)
def test_the_supervisors_token_is_the_supervisors(given: dict[str, str], owner: str) -> None:
    there = host(**given)
    assert there.value("{{ consul_acl_token_owner }}") == owner
    assert there.value("{{ supervisor_service_user }}") == owner


# --- needrestart


@pytest.mark.skipif(shutil.which("perl") is None, reason="there is no perl here")
def test_needrestart_leaves_guards_supervisors_and_agents_alone(tmp_path: Path) -> None:
    """Read and asked as needrestart 3.6 does it."""
    there = host()
    for role in ("supervisor", "consul"):
        (tmp_path / f"{role}.conf").write_text(there.rendered(role, "needrestart.conf.j2"))
    script = """
        our %nrconf = (override_rc => {});
        foreach my $fn (sort glob("$ARGV[0]/*.conf")) { eval do { local(@ARGV, $/) = $fn; <> }; die $@ if $@ }
        foreach my $rc (@ARGV[1..$#ARGV]) {
            my $restart = 1;
            foreach my $re (keys %{$nrconf{override_rc}}) {
                next unless($rc =~ /$re/);
                $restart = $nrconf{override_rc}->{$re};
                last;
            }
            print "$rc=$restart\\n";
        }
    """
    ours = ["near-guard@my.pool.near.service", "near-supervisor@my.pool.near.service", "consul.service"]
    others = ["ssh.service", "consul-template.service", "near-node-exporter.service"]
    told = subprocess.run(
        ["perl", "-e", script, str(tmp_path), *ours, *others], capture_output=True, text=True, check=True
    ).stdout
    assert told.split() == [f"{name}=0" for name in ours] + [f"{name}=1" for name in others]


def test_the_files_for_needrestart_are_put_where_it_looks() -> None:
    there = host(groups={"consul_servers": ["nix-a"], "validators": []}, hostvars={"nix-a": {}})
    place = re.compile("^/etc/needrestart/conf[.]d/validator-ha.*[.]conf$")
    for files in ("_supervisor_texts", "_consul_files"):
        paths = [entry["path"] for entry in there.value(f"{{{{ {files} }}}}")]
        assert [path for path in paths if place.match(path)], files


# --- peers to begin with

KNOWS_NOBODY = {"data_empty": True, "boot_nodes": 0}
PEER = "ed25519:86EtEy7epneKyrcJwSWP7zsisTkfDRH5CFVszt4qiQYw@203.0.113.5:24567"


@pytest.mark.parametrize(
    ("given", "node", "finds"),
    [
        ({}, {}, False),
        ({"neard_boot_nodes": [PEER]}, {}, True),
        ({"supervisor_boot_nodes": [PEER]}, {}, True),
        ({"neard_config": {"network": {"boot_nodes": PEER}}}, {}, True),
        ({"neard_config": {"network": {"addr": "[::]:24567"}}}, {"boot_nodes": 2}, True),
        ({"neard_config": {"network": {"boot_nodes": ""}}}, {"boot_nodes": 2}, False),
        ({}, {"data_empty": False}, True),
    ],
    ids=["nothing", "variable", "supervisor", "config", "the host's file", "the host's file, emptied", "a database"],
)
def test_a_new_neard_has_to_know_somebody(given: dict[str, Any], node: dict[str, Any], finds: bool) -> None:
    there = host(__neard_node={**KNOWS_NOBODY, **node}, neard_chain_id="mainnet", **given)
    assert there.value("{{ _neard_finds_peers }}") is finds


def test_the_example_inventory_stops_where_it_is_not_filled_in() -> None:
    """As it is, it names no boot nodes, and says that they are wanted."""
    text = (ROOT / "examples" / "inventory.yml").read_text()
    variables = yaml.safe_load(text)["all"]["vars"]
    assert not host(__neard_node=KNOWS_NOBODY, **variables).value("{{ _neard_finds_peers }}")
    assert "neard_boot_nodes" in text
    preflight = (ROOT / "roles" / "neard" / "tasks" / "preflight.yml").read_text()
    assert "neard_chain_id not in _neard_public_chains or _neard_finds_peers" in preflight
