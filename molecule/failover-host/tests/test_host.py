"""The validator's whole host ends, stands still, or starts anew."""

from __future__ import annotations

import time

import pytest

import faults
from cluster import Cluster
from episode import AFTER_LEASE_S, AT_ONCE_S, LEASE_S, NO_GAP_S, Episode
from failover_fixtures import cluster as cluster  # noqa: PLC0414 - pytest takes it from here
from near_measure.clock import boot_ns
from observer import docker

pytestmark = pytest.mark.timeout(300)
# Until systemd has come to the supervisor, and neard has ended in good order.
SHUTDOWN_S = 1.0
# Of the supervisor, or of the guard.
DEADLINE = "its deadline"


def test_host_loses_its_power(cluster: Cluster) -> None:
    with Episode(cluster, "host killed", AFTER_LEASE_S) as episode:
        episode.takes_consul_too()
        docker("kill", "--signal=KILL", episode.host.name)
        new = episode.taken_over()
        docker("start", episode.host.name)
        cluster.wait_whole(episode.asked, 90)
        # It comes back as a standby, and nobody signs but the one who took over.
        assert cluster.active(episode.asked) == new
        assert cluster.states(episode.asked)[episode.active] == ("Voting", True)


def test_host_vanishes_without_a_goodbye(cluster: Cluster) -> None:
    """Its peers keep their connections to it, and refuse whoever starts with its key."""
    with Episode(cluster, "host cut off in silence, then killed", AFTER_LEASE_S) as episode:
        episode.takes_consul_too()
        # In force until the host ends: what its kernel says to the peers when its processes end is lost as well.
        for rule in faults.everything():
            episode.host.run("iptables", "-w", "-I", *rule)
        docker("kill", "--signal=KILL", episode.host.name)
        new = episode.taken_over()
        docker("start", episode.host.name)
        # It meets its own dead connections, until TCP sends again on them.
        cluster.wait_whole(episode.asked, 90)
        assert cluster.active(episode.asked) == new
        assert cluster.states(episode.asked)[episode.active] == ("Voting", True)


def test_the_guard_has_a_processor_before_its_neard(cluster: Cluster) -> None:
    for host in cluster.nodes.values():
        (neard,) = host.neards(cluster.home)
        guard = faults.main_pid(host, faults.guard_unit(cluster))
        policies = [host.run("chrt", "--pid", str(pid)) for pid in (guard, neard)]
        assert ["SCHED_FIFO" in policy for policy in policies] == [True, False], policies


@pytest.mark.parametrize("_again", range(2))
def test_host_stands_still_for_longer_than_the_lease(cluster: Cluster, _again: int) -> None:
    with Episode(cluster, "host paused for longer than the lease", AFTER_LEASE_S) as episode:
        episode.takes_consul_too()
        with faults.frozen(episode.host):
            new = episode.taken_over()
        resumed = boot_ns()
        cluster.wait_whole(episode.asked, 90)
        assert cluster.active(episode.asked) == new
        # Its neard was armed all the time: the kernel's timer ends it before it gets to sign.
        assert episode.has_not_signed_since(episode.active, resumed), episode.story()


def test_host_stands_still_for_less_than_the_lease(cluster: Cluster) -> None:
    """It signs on; unless its Consul, which stood still as well, did not answer in what was left of the lease."""
    began = int(time.time())
    with Episode(cluster, "host paused for half of the lease", LEASE_S / 2 + NO_GAP_S) as episode:
        with faults.frozen(episode.host):
            faults.pass_time(LEASE_S / 2)
        if not episode.went_on(LEASE_S):
            episode.bound_s = AFTER_LEASE_S
            said = episode.host.run("journalctl", "--no-pager", "--output=cat", f"--since=@{began}")
            assert DEADLINE in said, episode.story()


def test_host_is_restarted(cluster: Cluster) -> None:
    with Episode(cluster, "host shut down and started", SHUTDOWN_S + AT_ONCE_S) as episode:
        docker("restart", "--time", "60", episode.host.name)
        new = episode.taken_over()
        cluster.wait_whole(episode.asked, 90)
        assert cluster.active(episode.asked) == new
        assert cluster.states(episode.asked)[episode.active] == ("Voting", True)
