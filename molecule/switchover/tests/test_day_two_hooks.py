"""Notifications and pre_takeover as units of systemd: in the supervisor's sandbox, by its user, with hidden secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from cluster import Cluster
from observer import Host, Scenario, until

ACCOUNT = "node3"
PLACE = f"/run/near-supervisor/{ACCOUNT}"
TOLD, NO_TAKEOVER = f"{PLACE}/told", f"{PLACE}/no-takeover"
HIDDEN = "hidden-address"
RETURN_S, TAKEOVER_S, TOLD_S = 90.0, 60.0, 20.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    nodes = {f"validator{number}": Host(f"near-switchover-host{number}") for number in (1, 2, 3)}
    cluster = Cluster(Scenario.load(), ACCOUNT, nodes)
    cluster.start_all()
    cluster.wait_whole(nodes["validator1"], RETURN_S)
    yield cluster
    for host in nodes.values():
        host.run("rm", "-f", NO_TAKEOVER)


def told(host: Host) -> list[dict[str, Any]]:
    """What the supervisor of one host has told its command."""
    return [json.loads(line) for line in host.run("sh", "-c", f"cat {TOLD} || true").splitlines()]


def roles(cluster: Cluster) -> tuple[str, list[str]]:
    """Who validates, and who stands by, ready."""
    first = next(iter(cluster.nodes.values()))
    cluster.wait_whole(first, RETURN_S)
    active = cluster.active(first)
    return active, [node for node in cluster.nodes if node != active]


@pytest.mark.timeout(300)
def test_each_host_tells_its_role_and_the_program_runs_as_the_supervisors_user(cluster: Cluster) -> None:
    active, standbys = roles(cluster)
    for node, host in cluster.nodes.items():
        found = [one["role"] for one in told(host) if one["event"] == "role"]
        assert found, f"{node} has told nothing"
        assert found[-1] == ("validator" if node == active else "standby"), node
        assert host.run("stat", "-c", "%U %G", TOLD).split() == ["near", "near"]
    assert standbys


@pytest.mark.timeout(300)
def test_the_address_is_in_its_file_and_nowhere_else(cluster: Cluster) -> None:
    for host in cluster.nodes.values():
        file = f"/etc/near/supervisor/{ACCOUNT}/notify_url"
        assert host.run("stat", "-c", "%a %U", file).split() == ["400", "near"]
        assert HIDDEN in host.run("cat", file)
        host.run("near-supervisor", "notify", "does it arrive?")
        until("it has failed, as nobody listens", TOLD_S, partial(has_failed, host))
        unit = f"near-supervisor@{ACCOUNT}"
        shown = host.run("journalctl", "--no-pager", "-u", unit) + host.run("systemctl", "show", unit)
        assert "http://127.0.0.1:8088/...: Connection refused" in shown
        assert HIDDEN not in shown
        assert HIDDEN not in host.run("sh", "-c", f"cat /etc/near/supervisor/{ACCOUNT}.env")
        assert not [words for _pid, _uid, words in host.processes() if HIDDEN in " ".join(words)]
        assert any(one["text"] == "does it arrive?" for one in told(host))


@pytest.mark.timeout(600)
def test_a_veto_refuses_a_promote_and_stops_no_failover(cluster: Cluster) -> None:
    active, standbys = roles(cluster)
    for node in standbys:
        cluster.nodes[node].run("touch", NO_TAKEOVER)
    try:
        with pytest.raises(OSError, match=f"pre_takeover of {standbys[0]} is against it: it ended with status 1"):
            cluster.nodes[active].run("near-supervisor", "promote", standbys[0])
        assert cluster.active(cluster.nodes[active]) == active
        before = {node: len(told(cluster.nodes[node])) for node in cluster.nodes}
        (pid,) = cluster.nodes[active].neards(cluster.home)
        cluster.nodes[active].run("kill", "-KILL", str(pid))
        until("another one validates", TAKEOVER_S, lambda: now(cluster, active) in standbys)
        new = now(cluster, active)
        until("it tells", TOLD_S, lambda: "validator" in since(cluster, new, before[new]))
        until("the old one tells", RETURN_S, lambda: since(cluster, active, before[active])[-1:] == ["standby"])
    finally:
        for node in standbys:
            cluster.nodes[node].run("rm", "-f", NO_TAKEOVER)
    roles(cluster)


def since(cluster: Cluster, node: str, number: int) -> list[str]:
    """The roles that one host has told since."""
    return [one["role"] for one in told(cluster.nodes[node])[number:] if one["event"] == "role"]


def now(cluster: Cluster, asked: str) -> str:
    """Who validates, by the Consul agent of one host."""
    return cluster.active(cluster.nodes[asked])


def has_failed(host: Host) -> bool:
    """Has a post failed, by the metrics?"""
    program = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:2233/metrics').read().decode())"
    found = re.search(r'notifications_total\{receiver="webhook",result="failed"\} (\d+)', host.python(program))
    return bool(found and int(found[1]))
