"""One process of the validator ends, or hangs: neard, the supervisor, the guard."""

from __future__ import annotations

import time

import pytest

import faults
from cluster import Cluster
from episode import AFTER_LEASE_S, AT_ONCE_S, LEASE_S, NO_GAP_S, Episode
from failover_fixtures import cluster as cluster  # noqa: PLC0414 - pytest takes it from here

pytestmark = pytest.mark.timeout(300)
# Three polls of a second are missed, each of which may take a second until it counts, and neard is killed then.
HUNG_S = 5.0


def test_neard_killed(cluster: Cluster) -> None:
    with Episode(cluster, "neard killed", AT_ONCE_S) as episode:
        faults.signal(episode.host, "KILL", faults.neard_pid(cluster, episode.active))
        episode.taken_over()


def test_neard_hangs(cluster: Cluster) -> None:
    with Episode(cluster, "neard stopped (SIGSTOP)", HUNG_S + AT_ONCE_S) as episode:
        hung = faults.neard_pid(cluster, episode.active)
        faults.signal(episode.host, "STOP", hung)
        episode.taken_over()
        faults.wait_gone(episode.host, hung)


def test_supervisor_killed_and_brought_back(cluster: Cluster) -> None:
    with Episode(cluster, "supervisor killed, systemd brings it back", NO_GAP_S) as episode:
        neard = faults.neard_pid(cluster, episode.active)
        faults.kill_units(episode.host, faults.supervisor_unit(cluster))
        episode.goes_on(2 * LEASE_S)
        assert faults.neard_pid(cluster, episode.active) == neard


def test_supervisor_killed_for_good(cluster: Cluster) -> None:
    with Episode(cluster, "supervisor killed, nobody brings it back", AFTER_LEASE_S) as episode:
        unit = faults.supervisor_unit(cluster)
        neard = faults.neard_pid(cluster, episode.active)
        with faults.without_restart(episode.host, unit):
            faults.kill_units(episode.host, unit)
            episode.taken_over()
            faults.wait_gone(episode.host, neard)


def test_guard_killed(cluster: Cluster) -> None:
    with Episode(cluster, "guard killed", AFTER_LEASE_S) as episode:
        neard = faults.neard_pid(cluster, episode.active)
        faults.kill_units(episode.host, faults.guard_unit(cluster))
        faults.wait_gone(episode.host, neard)
        episode.taken_over()


def test_supervisor_and_guard_killed_together(cluster: Cluster) -> None:
    with Episode(cluster, "supervisor and guard killed together", AFTER_LEASE_S) as episode:
        neard = faults.neard_pid(cluster, episode.active)
        faults.kill_units(episode.host, faults.supervisor_unit(cluster), faults.guard_unit(cluster))
        faults.wait_gone(episode.host, neard)
        episode.taken_over()


def test_a_standby_that_is_killed_is_no_matter(cluster: Cluster) -> None:
    with Episode(cluster, "a standby's neard, guard and supervisor killed", NO_GAP_S) as episode:
        standby = episode.asked
        faults.signal(standby, "KILL", faults.neard_pid(cluster, episode.standbys[0]))
        faults.kill_units(standby, faults.supervisor_unit(cluster), faults.guard_unit(cluster))
        started = time.monotonic()
        episode.goes_on(LEASE_S)
        assert time.monotonic() - started >= LEASE_S
