"""One host validates and the others are ready; when the active one loses its power, another validates by itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cluster import Cluster
from observer import Scenario, docker, until

START_S = 60.0
RETURN_S = 90.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    scenario = Scenario.load()
    (account,) = scenario.variables["molecule_accounts"]
    cluster = Cluster(scenario, account, {host.name: host for host in scenario.groups["validators"]})
    cluster.wait_whole(scenario.groups["validators"][0], START_S)
    yield cluster
    # Whatever a test broke is whole again for whoever looks, and for a second `molecule verify`.
    cluster.start_all()


def blocks_come(cluster: Cluster) -> None:
    """The chain goes on, by one of its own nodes."""
    (chain,) = cluster.scenario.groups["chain"]
    height = chain.height()
    until("three more blocks", 20, lambda: chain.height() >= height + 3)


def test_consul_has_one_leader_and_every_server(cluster: Cluster) -> None:
    servers = cluster.scenario.groups["consul_servers"]
    for host in servers:
        assert host.fetch(f"{cluster.consul.url}/v1/status/leader", cluster.consul)
        assert len(host.fetch(f"{cluster.consul.url}/v1/status/peers", cluster.consul)) == len(servers)


def test_every_agent_names_the_same_active_host(cluster: Cluster) -> None:
    assert len({cluster.active(host) for host in cluster.nodes.values()}) == 1


def test_every_host_runs_one_neard_and_only_the_active_one_has_the_key(cluster: Cluster) -> None:
    active = cluster.active(next(iter(cluster.nodes.values())))
    for node, host in cluster.nodes.items():
        assert len(host.neards(cluster.home)) == 1, host.processes()
        assert cluster.has_key(node) == (node == active), node


def test_blocks_come_and_the_active_host_signs(cluster: Cluster) -> None:
    blocks_come(cluster)
    assert cluster.signer() == cluster.active(next(iter(cluster.nodes.values())))


def test_a_host_that_is_shut_down_gives_its_role_back_and_nobody_waits_for_it(cluster: Cluster) -> None:
    before = cluster.active(next(iter(cluster.nodes.values())))
    asked = next(host for node, host in cluster.nodes.items() if node != before)
    term = asked.lease(cluster.account, cluster.consul)["term"]
    docker("stop", "--time", "60", cluster.nodes[before].name)
    until("another host validates", START_S, lambda: cluster.active(asked) not in ("", before))
    noted = {"term": term + 1, "kind": "release", "predecessor": before}
    until("it is noted", 20, lambda: noted.items() <= asked.history(cluster.account, cluster.consul)[-1].items())
    cluster.start_all()
    cluster.wait_whole(asked, RETURN_S)
    assert cluster.states(asked)[before] == ("Voting", True)


def test_another_host_validates_when_the_active_one_loses_its_power(cluster: Cluster) -> None:
    killed, asked = cluster.kill_active()
    took = until(
        "another host signs",
        3 * cluster.lease_s + 10,
        lambda: cluster.signer() not in ("", killed),
        lambda: cluster.states(asked),
    )
    print(f"signed again {took:.1f} s after the kill")
    active = cluster.active(asked)
    assert active not in ("", killed)
    assert cluster.signer() == active
    assert cluster.has_key(active)
    blocks_come(cluster)


def test_the_killed_host_comes_back_as_a_standby(cluster: Cluster) -> None:
    active = cluster.signer()
    cluster.start_all()
    cluster.wait_whole(cluster.nodes[active], RETURN_S)
    assert cluster.active(cluster.nodes[active]) == active


def test_nothing_was_signed_twice_and_no_two_hosts_held_the_key(cluster: Cluster) -> None:
    verdict = cluster.scenario.signatures().verdict(cluster.account)
    assert verdict.clean, verdict
