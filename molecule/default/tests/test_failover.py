"""One host validates and the others are ready; when the active one loses its power, another validates by itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from witness import ConsulAccess, Host, Scenario, docker, until

START_S = 60.0
RETURN_S = 90.0
HOME = "/var/lib/near/neard"


class Cluster:
    """The validator hosts of one account."""

    def __init__(self) -> None:
        self.scenario = Scenario.load()
        self.hosts = self.scenario.groups["validators"]
        (self.chain,) = self.scenario.groups["chain"]
        (self.account,) = self.scenario.variables["molecule_accounts"]
        self.lease_s = float(self.scenario.variables.get("supervisor_lease", 10))
        self.home = str(self.scenario.variables.get("neard_home", HOME))
        self.consul = ConsulAccess()

    def active(self, asked: Host) -> str:
        """Who holds the lease, by the Consul agent of one host; empty unless it validates with a live session."""
        record = asked.lease(self.account, self.consul)
        return str(record["NodeId"]) if record.get("state") == "Validating" and record["Session"] else ""

    def states(self, asked: Host) -> dict[str, tuple[str, bool]]:
        """State and readiness of each host, by the Consul agent of one."""
        members = {host.name: asked.member(self.account, host.name, self.consul) for host in self.hosts}
        return {name: (str(it.get("state", "")), it.get("ready") is True) for name, it in members.items()}

    def whole(self, asked: Host) -> bool:
        """Whether one validates and every other one could take over."""
        active, states = self.active(asked), self.states(asked)
        others = [state for name, state in states.items() if name != active]
        return bool(active) and states[active][0] == "Validating" and others == [("Voting", True)] * len(others)

    def host(self, name: str) -> Host:
        """The host of this name."""
        return next(host for host in self.hosts if host.name == name)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    cluster = Cluster()
    asked = cluster.hosts[0]
    until("one validates, the others are ready", START_S, lambda: cluster.whole(asked), lambda: cluster.states(asked))
    yield cluster
    # Whatever a test broke is whole again for whoever looks, and for a second `molecule verify`.
    for host in cluster.hosts:
        docker("start", host.name)


def test_consul_has_one_leader_and_every_server(cluster: Cluster) -> None:
    for host in cluster.scenario.groups["consul_servers"]:
        assert host.fetch(f"{cluster.consul.url}/v1/status/leader", cluster.consul)
        peers = host.fetch(f"{cluster.consul.url}/v1/status/peers", cluster.consul)
        assert len(peers) == len(cluster.scenario.groups["consul_servers"])


def test_every_agent_names_the_same_active_host(cluster: Cluster) -> None:
    assert len({cluster.active(host) for host in cluster.hosts}) == 1


def test_every_host_runs_one_neard_and_only_the_active_one_has_the_key(cluster: Cluster) -> None:
    active = cluster.active(cluster.hosts[0])
    for host in cluster.hosts:
        assert len(host.neards(cluster.home)) == 1, host.processes()
        assert host.has(f"{cluster.home}/validator_key.json") == (host.name == active), host.name


def test_blocks_come_and_the_active_host_signs(cluster: Cluster) -> None:
    height = cluster.chain.height()
    until("three more blocks", 20, lambda: cluster.chain.height() >= height + 3)
    assert cluster.scenario.last_signer(cluster.account) == cluster.active(cluster.hosts[0])


def test_another_host_validates_when_the_active_one_loses_its_power(cluster: Cluster) -> None:
    killed = cluster.active(cluster.hosts[0])
    asked = next(host for host in cluster.hosts if host.name != killed)
    docker("kill", "--signal=KILL", killed)
    signs = lambda: cluster.scenario.last_signer(cluster.account) not in ("", killed)  # noqa: E731
    took = until("another host signs", 3 * cluster.lease_s + 10, signs, lambda: cluster.states(asked))
    print(f"signed again {took:.1f} s after the kill")
    active = cluster.active(asked)
    assert active not in ("", killed)
    assert cluster.scenario.last_signer(cluster.account) == active
    assert cluster.host(active).has(f"{cluster.home}/validator_key.json")
    height = cluster.chain.height()
    until("three more blocks", 20, lambda: cluster.chain.height() >= height + 3)


def test_the_killed_host_comes_back_as_a_standby(cluster: Cluster) -> None:
    before = {host.name for host in cluster.hosts if not running(host)}
    for name in before:
        docker("start", name)
    asked = cluster.host(next(iter({host.name for host in cluster.hosts} - before)))
    active = cluster.active(asked)
    until("every host is ready again", RETURN_S, lambda: cluster.whole(asked), lambda: cluster.states(asked))
    assert cluster.active(asked) == active


def test_nothing_was_signed_twice_and_no_two_hosts_held_the_key(cluster: Cluster) -> None:
    verdict = cluster.scenario.signatures().verdict(cluster.account)
    assert verdict.clean, verdict


def running(host: Host) -> bool:
    return docker("inspect", "--format", "{{.State.Running}}", host.name).strip() == "true"
