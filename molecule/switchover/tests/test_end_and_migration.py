"""The end of a validator on its hosts, and its beginning where kuutamod ran before (docs/operate/migration.md)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import Cluster
from observer import Host, Scenario, docker, until
from plays import play

ACCOUNT = "node3"
START_S = 90.0
KEYS = "/etc/near/neard"
STAND_IN = Path(__file__).resolve().parents[2] / "shared" / "kuutamod.py"
# This supervisor waits 90 s after kuutamod's session has gone, which Consul ends after one to two TTLs if nobody does.
FOREIGN_S = 90.0 + 60.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    nodes = {f"validator{number}": Host(f"near-switchover-host{number}") for number in (1, 2, 3)}
    cluster = Cluster(Scenario.load(), ACCOUNT, nodes)
    yield cluster
    # For a second `molecule verify`.
    played = play("deploy")
    assert played.status == 0, played.output[-3000:]


@pytest.mark.timeout(900)
def test_it_wants_the_name_and_all_hosts_and_then_ends_the_validator(cluster: Cluster) -> None:
    cluster.wait_whole(cluster.nodes["validator1"], START_S)
    for arguments, variables, sentence in (
        ((), {}, "Say which one with -e teardown_account=ACCOUNT"),
        ((), {"teardown_account": "other.near"}, "Say which one with -e teardown_account=ACCOUNT"),
        (("--limit", "validator1"), {"teardown_account": ACCOUNT}, "would take over and sign. Run it without --limit"),
    ):
        refused = play("teardown", *arguments, **variables)
        assert (refused.status != 0, refused.changed) == (True, 0), refused.output[-3000:]
        assert sentence in refused.words, refused.output[-3000:]
    played = play("teardown", teardown_account=ACCOUNT)
    assert played.status == 0, played.output[-3000:]
    for node, host in cluster.nodes.items():
        assert host.neards(cluster.home) == [], node
        assert not cluster.has_key(node), node
        assert host.has(f"/etc/near/supervisor/{ACCOUNT}/validator_key.json"), "keys stay unless teardown_keys says so"
        assert host.has(f"{cluster.home}/data"), "data stays unless teardown_data says so"
        assert not host.has(f"/etc/near/supervisor/{ACCOUNT}.env")
    until("nobody holds the lease", 30, lambda: cluster.active(cluster.nodes["validator1"]) == "")
    again = play("teardown", teardown_account=ACCOUNT)
    assert (again.status, again.changed) == (0, 0), again.output[-3000:]
    verdict = cluster.scenario.signatures().verdict(ACCOUNT)
    assert verdict.clean, verdict


def kuutamod(cluster: Cluster, node: str) -> None:
    """Starts the stand-in on a host, as a service."""
    host = cluster.nodes[node]
    docker("cp", str(STAND_IN), f"{host.name}:/usr/local/bin/kuutamod")
    boot_nodes = (Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "chain" / "boot_nodes").read_text().strip()
    log = f"NEARD_SIM_REFEREE_LOG=/var/log/near-referee/{host.name}-{ACCOUNT}.log"
    host.run(
        "systemd-run", "--unit=kuutamod", f"--setenv={log}", "--property=TimeoutStopSec=60",
        "/usr/bin/python3", "/usr/local/bin/kuutamod", "--account", ACCOUNT, "--node", f"kuutamod-{node}",
        "--home", cluster.home, "--consul", cluster.consul.url,
        "--validator-key", f"/etc/near/supervisor/{ACCOUNT}/validator_key.json",
        "--validator-node-key", f"{KEYS}/validator_node_key.json", "--voter-node-key", f"{KEYS}/voter_node_key.json",
        "--boot-nodes", boot_nodes,
    )  # fmt: skip


@pytest.mark.timeout(900)
def test_a_pair_is_taken_over_from_kuutamod_one_host_at_a_time(cluster: Cluster) -> None:
    """After the end above: the hosts have neard, its data and the keys, and no supervisor."""
    signer, standby = cluster.nodes["validator1"], cluster.nodes["validator2"]
    kuutamod(cluster, "validator1")
    until("kuutamod signs", START_S, lambda: cluster.signer() == "validator1", cluster.signer)
    kuutamod(cluster, "validator2")
    refused = play("deploy", deploy_consul=False)
    assert (refused.status != 0, refused.changed) == (True, 0), refused.output[-3000:]
    said = "If that has the validator key, there would be two signers. Stop it (a kuutamod: docs/operate/migration.md"
    assert said in refused.words, refused.output[-3000:]

    standby.run("systemctl", "stop", "kuutamod")
    played = play("deploy", "--limit", "validator2", deploy_consul=False, deploy_beside_kuutamod=True)
    assert played.status == 0, played.output[-3000:]
    state = cluster.states(standby)["validator2"]
    assert state == ("Voting", True), state
    assert cluster.signer() == "validator1"
    assert standby.lease(ACCOUNT, cluster.consul)["NodeId"] == "kuutamod-validator1"

    signer.run("systemctl", "stop", "kuutamod")
    until(
        "our standby took over",
        FOREIGN_S,
        lambda: cluster.active(standby) == "validator2",
        lambda: cluster.states(standby),
    )
    played = play("deploy", deploy_consul=False)
    assert played.status == 0, played.output[-3000:]
    cluster.wait_whole(standby, START_S)
    assert cluster.active(standby) == cluster.signer() == "validator2"
    verdict = cluster.scenario.signatures().verdict(ACCOUNT)
    assert verdict.clean, verdict
