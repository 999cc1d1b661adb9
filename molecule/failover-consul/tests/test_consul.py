"""Consul loses its leader or its quorum, or somebody has a hand in it."""

from __future__ import annotations

import json
from contextlib import ExitStack

import pytest

import faults
from cluster import Cluster
from episode import AFTER_LEASE_S, LEASE_S, NEARD_START_S, NO_GAP_S, Episode
from failover_fixtures import cluster as cluster  # noqa: PLC0414 - pytest takes it from here
from near_measure.clock import boot_ns
from observer import Host, until

pytestmark = pytest.mark.timeout(300)
LEADER_S = 30.0


def leader(cluster: Cluster) -> Host:
    """The host of Consul's leader."""
    asked = next(iter(cluster.nodes.values()))
    address = asked.fetch(f"{cluster.consul.url}/v1/status/leader", cluster.consul).partition(":")[0]
    (host,) = (it for it in cluster.nodes.values() if address in it.run("hostname", "-I").split())
    return host


def wait_for_servers(cluster: Cluster) -> None:
    """Until every server knows the leader and none is a peer twice or missing."""
    for host in cluster.nodes.values():
        until(
            f"{host.name} has a leader",
            LEADER_S,
            lambda host=host: (  # type: ignore[misc]
                bool(host.fetch(f"{cluster.consul.url}/v1/status/leader", cluster.consul))
                and len(host.fetch(f"{cluster.consul.url}/v1/status/peers", cluster.consul)) == len(cluster.nodes)
            ),
        )


def test_leader_killed(cluster: Cluster) -> None:
    with Episode(cluster, "Consul's leader killed", NO_GAP_S) as episode:
        faults.kill_units(leader(cluster), "consul")
        episode.goes_on(2 * LEASE_S)
        wait_for_servers(cluster)


def test_rolling_restart(cluster: Cluster) -> None:
    with Episode(cluster, "Consul's servers restarted, one after the other", NO_GAP_S) as episode:
        for host in cluster.nodes.values():
            host.run("systemctl", "restart", "consul")
            wait_for_servers(cluster)
            episode.goes_on(1)


def majority_frozen(cluster: Cluster, duration_s: float) -> int:
    """The processes of two servers stand still; the hosts go on. Returns until when they did (boot clock, ns)."""
    hosts = list(cluster.nodes.values())[:2]
    with ExitStack() as healing:
        for host in hosts:
            pid = faults.main_pid(host, "consul")
            faults.signal(host, "STOP", pid)
            healing.callback(faults.signal, host, "CONT", pid)
        faults.pass_time(duration_s)
        return boot_ns()


def test_quorum_lost_for_less_than_the_lease(cluster: Cluster) -> None:
    with Episode(cluster, "no quorum for a fifth of the lease", NO_GAP_S) as episode:
        majority_frozen(cluster, LEASE_S / 5)
        episode.goes_on(2 * LEASE_S)


def test_quorum_lost_for_longer_than_the_lease(cluster: Cluster) -> None:
    away = 2 * LEASE_S
    with Episode(cluster, "no quorum for two leases", away + AFTER_LEASE_S + 1) as episode:
        until_ns = majority_frozen(cluster, away)
        # Nobody may sign without Consul: the signer has stopped, and nobody has taken its place. With Consul back it
        # takes a standby a tenth of a second.
        without = {it.home for it in episode.signatures() if it.boot_ns < until_ns}
        assert without <= {episode.host.name}, episode.story()
        assert episode.silence_s() > away - LEASE_S, episode.story()


def session(episode: Episode) -> str:
    """The session that holds the lease."""
    return str(episode.asked.lease(episode.cluster.account, episode.cluster.consul)["Session"])


def test_session_destroyed(cluster: Cluster) -> None:
    with Episode(cluster, "the active's session destroyed", AFTER_LEASE_S + NEARD_START_S) as episode:
        faults.http(episode.asked, "PUT", f"/v1/session/destroy/{session(episode)}")
        until("somebody holds the lease again", 60, lambda: cluster.active(episode.asked) != "")


def test_lease_deleted(cluster: Cluster) -> None:
    with Episode(cluster, "the lease deleted", AFTER_LEASE_S + NEARD_START_S) as episode:
        faults.http(episode.asked, "DELETE", f"/v1/kv/kuutamod-leader/{cluster.account}")
        until("somebody holds the lease again", 60, lambda: cluster.active(episode.asked) != "")


def test_node_forced_to_leave(cluster: Cluster) -> None:
    # It is there, and says so at once: nothing comes of it.
    with Episode(cluster, "the active's node forced to leave", NO_GAP_S) as episode:
        faults.consul(episode.asked, "force-leave", episode.host.name)
        episode.goes_on(2 * LEASE_S)


def test_node_struck_from_the_catalogue(cluster: Cluster) -> None:
    # Consul ends the sessions of a node that it forgets.
    with Episode(cluster, "the active's node struck from the catalogue", AFTER_LEASE_S + NEARD_START_S) as episode:
        before = session(episode)
        faults.http(episode.asked, "PUT", "/v1/catalog/deregister", json.dumps({"Node": episode.host.name}))
        until("another session holds the lease", 60, lambda: session(episode) not in ("", before))
