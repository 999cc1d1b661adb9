"""The validator's host, or a standby's, is cut off from Consul, from the chain, or from both, and comes back."""

from __future__ import annotations

import pytest

import faults
from cluster import Cluster
from episode import AFTER_LEASE_S, DISTURBED_ELECTION_S, LEASE_S, NO_GAP_S, WHOLE_S, Episode
from failover_fixtures import cluster as cluster  # noqa: PLC0414 - pytest takes it from here
from near_measure.clock import boot_ns

pytestmark = pytest.mark.timeout(300)
# A head older than ten block times, and than 5 s, is "behind", which the next poll shows.
# A signer that was well waits a lease then, looks for a standby and asks its own neard once more.
BEHIND_S = max(5.0, 10 * 0.2) + 2.0
MAKES_ROOM_S = BEHIND_S + AFTER_LEASE_S


def cut_off(episode: Episode, rules: list[list[str]]) -> None:
    """Until another one signs; the old one is silent from then on, also when it hears of all again."""
    with faults.rules(episode.host, *rules):
        new = episode.taken_over()
        taken = boot_ns()
    episode.cluster.wait_whole(episode.asked, WHOLE_S)
    assert episode.cluster.active(episode.asked) == new
    assert episode.has_not_signed_since(episode.active, taken), episode.story()


def test_active_without_consul(cluster: Cluster) -> None:
    with Episode(cluster, "active cut off from Consul", AFTER_LEASE_S) as episode:
        episode.takes_consul_too()
        cut_off(episode, faults.consul_ports())


def test_active_without_chain(cluster: Cluster) -> None:
    with Episode(cluster, "active cut off from the chain", MAKES_ROOM_S) as episode:
        cut_off(episode, faults.chain_ports())


def test_active_without_network(cluster: Cluster) -> None:
    with Episode(cluster, "active cut off from everything", AFTER_LEASE_S) as episode:
        episode.takes_consul_too()
        cut_off(episode, faults.everything())


def test_active_that_nobody_hears(cluster: Cluster) -> None:
    with Episode(cluster, "active is not heard any more", AFTER_LEASE_S) as episode:
        episode.takes_consul_too()
        cut_off(episode, faults.outgoing())


def test_active_that_hears_nobody(cluster: Cluster) -> None:
    with Episode(cluster, "active hears nobody any more", AFTER_LEASE_S) as episode:
        episode.takes_consul_too(DISTURBED_ELECTION_S)
        cut_off(episode, faults.incoming())


def test_active_with_a_bad_line(cluster: Cluster) -> None:
    # Whether it loses its lease is up to the packets; what is promised is one signer, and that it stays short.
    episode = Episode(cluster, "active loses 30 % of its packets", 2 * AFTER_LEASE_S)
    with episode, faults.lossy(episode.host, 0.3, 300) as done:
        print(done)
        faults.pass_time(4 * LEASE_S)


def test_standby_without_network(cluster: Cluster) -> None:
    with Episode(cluster, "a standby cut off from everything", NO_GAP_S) as episode:
        cut = faults.rules(episode.asked, *faults.everything())
        # Its own agent could not tell who signs; the log of signatures can.
        with cut:
            episode.goes_on(2 * LEASE_S)
