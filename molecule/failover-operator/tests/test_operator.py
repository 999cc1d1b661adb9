"""What people do at the wrong moment, or to the wrong host."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

import faults
from cluster import Cluster
from episode import AFTER_LEASE_S, AT_ONCE_S, LEASE_S, NO_GAP_S, WHOLE_S, Episode
from failover_fixtures import cluster as cluster  # noqa: PLC0414 - pytest takes it from here
from observer import Host, until
from plays import play

pytestmark = pytest.mark.timeout(600)
KEY = "/etc/near/supervisor/node3/validator_key.json"
BY_HAND = "/usr/local/bin/neard"


def leave_key(cluster: Cluster, host: Host) -> str:
    """Puts the validator key into neard's home, as somebody who means well might; its path."""
    left = f"{cluster.home}/validator_key.json"
    host.run("install", "-o", "near", "-g", "near", "-m", "0400", KEY, left)
    return left


def test_key_left_on_a_standby(cluster: Cluster) -> None:
    with Episode(cluster, "key left on a standby, whose neard then starts anew", NO_GAP_S) as episode:
        standby, host = episode.standbys[0], episode.asked
        leave_key(cluster, host)
        old = faults.neard_pid(cluster, standby)
        faults.signal(host, "KILL", old)
        until("its neard is another one", 30, lambda: host.neards(cluster.home) not in ([], [old]))
        episode.goes_on(LEASE_S)
        assert not cluster.has_key(standby)


def test_neard_started_by_hand_beside_ours(cluster: Cluster) -> None:
    with Episode(cluster, "a second neard started on the validator's home", NO_GAP_S) as episode:
        ours = faults.neard_pid(cluster, episode.active)
        words = f"runuser -u near -- {BY_HAND} --home {cluster.home} run"
        said = episode.host.run("sh", "-c", f"{words} 2>&1 || true")
        assert "LOCK" in said, said
        episode.goes_on(LEASE_S)
        assert episode.host.neards(cluster.home) == [ours]


def test_neard_started_by_hand_in_place_of_ours(cluster: Cluster) -> None:
    with Episode(cluster, "a neard started by hand on a stopped standby", NO_GAP_S) as episode:
        host, units = episode.asked, [faults.supervisor_unit(cluster), faults.guard_unit(cluster)]
        other = cluster.nodes[episode.standbys[1]]
        host.run("systemctl", "stop", *units)
        home = cluster.home
        by_hand = faults.docker_in_background("exec", "--user", "near", host.name, BY_HAND, "--home", home, "run")
        try:
            until("it runs", 20, lambda: len(host.neards(home)) == 1)
            (pid,) = host.neards(home)
            host.run("systemctl", "start", "--no-block", units[0])
            said = f"journalctl --no-pager --unit={units[0]} --unit={units[1]} | grep -F 'process {pid} '"
            until("the supervisor names the process", 60, lambda: bool(host.run("sh", "-c", f"{said} || true")))
            # It is another's: nothing of ours ends it, and nothing of ours signs beside it.
            assert host.neards(home) == [pid]
            assert cluster.active(other) == episode.active
        finally:
            for found in host.neards(home):
                faults.signal(host, "TERM", found)
            by_hand.wait(30)
        # Whether it had given up meanwhile, or still tries.
        host.run("systemctl", "start", units[0])


def test_deploy_in_the_middle_of_a_failover(cluster: Cluster) -> None:
    with Episode(cluster, "deploy.yml run in the middle of a failover", AFTER_LEASE_S) as episode:
        with ThreadPoolExecutor(1) as side:
            running = side.submit(play, "deploy")
            faults.pass_time(LEASE_S)
            faults.kill_units(episode.host, faults.supervisor_unit(cluster), faults.guard_unit(cluster))
            episode.taken_over()
            played = running.result()
        assert played.status == 0, played.output
        cluster.wait_whole(episode.asked, WHOLE_S)


def test_two_promotes_at_once(cluster: Cluster) -> None:
    with Episode(cluster, "both standbys promoted at once", 2 * AT_ONCE_S) as episode:

        def promote(node: str) -> int:
            command = ["docker", "exec", cluster.nodes[node].name, "near-supervisor", "promote"]
            return subprocess.run(
                [*command, "--account-id", cluster.account], capture_output=True, check=False, timeout=60
            ).returncode

        with ThreadPoolExecutor(2) as sides:
            ends = dict(zip(episode.standbys, sides.map(promote, episode.standbys), strict=True))
        done = [node for node, status in ends.items() if status == 0]
        assert done, ends
        cluster.wait_whole(episode.host, WHOLE_S)
        assert cluster.active(episode.host) in done, ends
