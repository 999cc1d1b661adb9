"""What the validator's host needs to go on runs out: room for neard's data, a writable run directory, open files."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import faults
from cluster import Cluster
from episode import AFTER_LEASE_S, AT_ONCE_S, LEASE_S, NO_GAP_S, WHOLE_S, Episode
from failover_fixtures import cluster as cluster  # noqa: PLC0414 - pytest takes it from here
from witness import Host, until

pytestmark = pytest.mark.timeout(300)
# Three polls of a second are missed, each of which may take a second until it counts, and neard is killed then.
HUNG_S = 5.0
FEW_FILES = 8


@pytest.fixture
def small_volume(cluster: Cluster) -> Iterator[str]:
    """A node whose neard has its data on a volume of its own, and which validates. Gives the path of that volume."""
    asked = next(iter(cluster.nodes.values()))
    active = cluster.active(asked)
    node = next(name for name in cluster.nodes if name != active)
    host, data = cluster.nodes[node], f"{cluster.home}/data"
    units = [faults.supervisor_unit(cluster), faults.guard_unit(cluster)]
    host.run("systemctl", "stop", *units)
    host.run("sh", "-c", f"mv {data} {data}.kept && mkdir {data} && mount -t tmpfs -o size=64m,mode=700 tmpfs {data}")
    host.run("sh", "-c", f"cp -a {data}.kept/. {data}/ && chown --reference={data}.kept {data}")
    host.run("systemctl", "start", units[0])
    cluster.wait_whole(asked, WHOLE_S)
    host.run("near-supervisor", "promote", "--account-id", cluster.account)
    cluster.wait_whole(asked, WHOLE_S)
    assert cluster.active(asked) == node
    yield data
    host.run("systemctl", "stop", *units)
    host.run("sh", "-c", f"umount {data} && rmdir {data} && mv {data}.kept {data}")
    host.run("systemctl", "start", units[0])
    cluster.wait_whole(asked, WHOLE_S)


def test_no_room_for_data(cluster: Cluster, small_volume: str) -> None:
    with Episode(cluster, "neard's data volume full", AT_ONCE_S) as episode:
        file = f"{small_volume}/filled"
        host = episode.host
        host.run("sh", "-c", f"cat /dev/zero >{file} 2>/dev/null || true")
        episode.taken_over(LEASE_S + AFTER_LEASE_S)
        # It cannot be a standby either; it does not disturb the others, and is one again when there is room.
        assert not cluster.states(episode.asked)[episode.active][1]
        host.run("rm", file)


def remount(host: Host, how: str) -> None:
    """Makes the file system of the run directories read-only, or writable again, for every process of the host."""
    host.run("mount", "-o", f"remount,{how}", "/run")


def test_run_directory_read_only(cluster: Cluster) -> None:
    # Nothing that the signer needs is written there: it signs on. What cannot be had there is a new supervisor.
    with Episode(cluster, "run directory read-only, then the supervisor killed", AFTER_LEASE_S) as episode:
        remount(episode.host, "ro")
        try:
            episode.goes_on(2 * LEASE_S)
            neard = faults.neard_pid(cluster, episode.active)
            faults.kill_units(episode.host, faults.supervisor_unit(cluster))
            episode.taken_over(LEASE_S + AFTER_LEASE_S)
            faults.wait_gone(episode.host, neard)
        finally:
            remount(episode.host, "rw")


def test_standby_with_a_read_only_run_directory(cluster: Cluster) -> None:
    with Episode(cluster, "a standby's run directory read-only", NO_GAP_S) as episode:
        remount(episode.asked, "ro")
        try:
            episode.goes_on(LEASE_S)
        finally:
            remount(episode.asked, "rw")


def limit_files(host: Host, pid: int, count: int) -> None:
    """Lets a process have so many files open from now on, as its own user may."""
    user = host.run("stat", "--format=%U", f"/proc/{pid}").strip()
    host.run("runuser", "-u", user, "--", "prlimit", f"--pid={pid}", f"--nofile={count}:")


def test_neard_out_of_files(cluster: Cluster) -> None:
    with Episode(cluster, "neard may open no more files", HUNG_S + AT_ONCE_S) as episode:
        neard = faults.neard_pid(cluster, episode.active)
        limit_files(episode.host, neard, FEW_FILES)
        episode.taken_over(HUNG_S + AFTER_LEASE_S)
        faults.wait_gone(episode.host, neard)


def test_supervisor_out_of_files(cluster: Cluster) -> None:
    with Episode(cluster, "the supervisor may open no more files", AFTER_LEASE_S) as episode:
        supervisor = faults.main_pid(episode.host, faults.supervisor_unit(cluster))
        limit_files(episode.host, supervisor, FEW_FILES)
        try:
            faults.pass_time(2 * LEASE_S)
        finally:
            faults.kill_units(episode.host, faults.supervisor_unit(cluster))
        until("somebody holds the lease", 60, lambda: cluster.active(episode.asked) != "")
