"""What the validator's host needs to go on runs out: room for neard's data, room in the run directory, open files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import faults
from cluster import Cluster
from episode import AFTER_LEASE_S, AT_ONCE_S, LEASE_S, NO_GAP_S, WHOLE_S, Episode
from failover_fixtures import cluster as cluster  # noqa: PLC0414 - pytest takes it from here
from observer import Host, until

pytestmark = pytest.mark.timeout(300)
# Three polls of a second are missed, each of which may take a second until it counts, and neard is killed then.
HUNG_S = 5.0
# Standard input, output and error: whatever else is closed cannot be opened again.
FEW_FILES = 3


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
        episode.taken_over()
        # It cannot be a standby either; it does not disturb the others, and is one again when there is room.
        assert not cluster.states(episode.asked)[episode.active][1]
        host.run("rm", file)


@contextmanager
def full_run_directory(host: Host) -> Iterator[None]:
    """Within it, no file in /run can grow, whoever writes; what is there can be read."""
    used = host.run("sh", "-c", "df --output=used -k /run | tail -1").strip()
    host.run("mount", "-o", f"remount,size={used}k", "/run")
    host.run("sh", "-c", "cat /dev/zero >/run/filled 2>/dev/null || true")
    try:
        yield
    finally:
        host.run("rm", "-f", "/run/filled")
        host.run("mount", "-o", "remount,size=50%", "/run")


def test_run_directory_full(cluster: Cluster) -> None:
    # Nothing that the signer needs is written there. A supervisor that starts anew may have to leave the signer alone.
    episode = Episode(cluster, "run directory full, then the supervisor killed", AFTER_LEASE_S)
    with episode, full_run_directory(episode.host):
        episode.goes_on(2 * LEASE_S)
        faults.kill_units(episode.host, faults.supervisor_unit(cluster))
        faults.pass_time(2 * LEASE_S)


def test_run_directory_of_a_standby_full(cluster: Cluster) -> None:
    episode = Episode(cluster, "a standby's run directory full", NO_GAP_S)
    with episode, full_run_directory(episode.asked):
        episode.goes_on(2 * LEASE_S)


def limit_files(host: Host, pid: int) -> None:
    """From now on a process may open no more files than it has open, as its own user may tell it."""
    user = host.run("stat", "--format=%U", f"/proc/{pid}").strip()
    host.run("runuser", "-u", user, "--", "prlimit", f"--pid={pid}", f"--nofile={FEW_FILES}:")


def test_neard_out_of_files(cluster: Cluster) -> None:
    with Episode(
        cluster, "neard may open no more files, then the supervisor killed", HUNG_S + 2 * AT_ONCE_S
    ) as episode:
        neard = faults.neard_pid(cluster, episode.active)
        limit_files(episode.host, neard)
        # What it has open serves it well; a new supervisor cannot connect any more, and knows that it could.
        faults.kill_units(episode.host, faults.supervisor_unit(cluster))
        episode.taken_over()
        faults.wait_gone(episode.host, neard)


def test_supervisor_out_of_files(cluster: Cluster) -> None:
    with Episode(
        cluster, "the supervisor may open no more files, then Consul's agent restarted", AFTER_LEASE_S
    ) as episode:
        unit = faults.supervisor_unit(cluster)
        old = faults.main_pid(episode.host, unit)
        limit_files(episode.host, old)
        episode.host.run("systemctl", "restart", "consul")
        # It cannot reach Consul any more, nor feed its watchdog: systemd makes a new one, in time or not.
        until("it is a new one", 4 * LEASE_S, lambda: faults.main_pid(episode.host, unit) not in (0, old))
