"""Two accounts on the same hosts have each a signer of their own, and a host that is lost moves only what it signed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cluster import Cluster
from observer import ConsulAccess, Host, Scenario, until

START_S = 60.0
RETURN_S = 90.0
LEASE_S = 6.0
POOLS = {"node5": ("first", (1, 2, 3)), "node6": ("second", (1, 2))}


@pytest.fixture(scope="module")
def pools() -> Iterator[dict[str, Cluster]]:
    scenario = Scenario.load()
    found = {
        account: Cluster(
            scenario,
            account,
            {f"{pool}{number}": Host(f"near-alternative-host{number}") for number in numbers},
            f"/srv/near/{pool}",
            LEASE_S,
            ConsulAccess(
                "https://127.0.0.1:18501", "/etc/near-consul/tls/ca.pem", f"/etc/near/supervisor/{account}/consul_token"
            ),
        )
        for account, (pool, numbers) in POOLS.items()
    }
    for cluster in found.values():
        cluster.wait_whole(next(iter(cluster.nodes.values())), START_S)
    yield found
    for cluster in found.values():
        cluster.start_all()


@pytest.mark.parametrize("account", POOLS)
def test_each_account_has_one_signer_and_its_key_is_nowhere_else(pools: dict[str, Cluster], account: str) -> None:
    cluster = pools[account]
    active = cluster.active(next(iter(cluster.nodes.values())))
    assert cluster.signer() == active
    for node, host in cluster.nodes.items():
        assert len(host.neards(cluster.home)) == 1, host.processes()
        assert cluster.has_key(node) == (node == active), node


def test_nobody_asks_consul_without_a_token_or_in_plain_text(pools: dict[str, Cluster]) -> None:
    cluster = pools["node5"]
    host = next(iter(cluster.nodes.values()))
    stranger = ConsulAccess(cluster.consul.url, cluster.consul.ca_file)
    assert host.fetch(f"{stranger.url}/v1/kv/?recurse", cluster.consul) is not None
    with pytest.raises(OSError, match=r"403|404"):
        host.fetch(f"{stranger.url}/v1/kv/kuutamod-leader/node5", stranger)
    with pytest.raises(OSError, match="refused"):
        host.fetch("http://127.0.0.1:18500/v1/status/leader")


def test_a_token_of_one_account_does_not_reach_the_other(pools: dict[str, Cluster]) -> None:
    host = next(iter(pools["node6"].nodes.values()))
    with pytest.raises(OSError, match=r"403|404"):
        host.fetch(f"{pools['node6'].consul.url}/v1/kv/kuutamod-leader/node5", pools["node6"].consul)


def test_programs_run_as_the_users_that_were_named(pools: dict[str, Cluster]) -> None:
    host = next(iter(pools["node5"].nodes.values()))
    uid = {name: int(host.run("id", "-u", name)) for name in ("staker", "raft")}
    owners = {owner for _pid, owner, words in host.processes() if "/srv/near" in " ".join(words)}
    assert owners == {uid["staker"]}
    assert [owner for _pid, owner, words in host.processes() if words[0] == "/opt/consul/consul"] == [uid["raft"]]


def test_a_host_that_is_lost_moves_what_it_signed_to_other_hosts(pools: dict[str, Cluster]) -> None:
    cluster = pools["node5"]
    stood_by = {node: host.neards(cluster.home) for node, host in cluster.nodes.items()}
    killed, asked = cluster.kill_active()
    until(
        "another host signs for node5",
        3 * LEASE_S + 20,
        lambda: cluster.signer() not in ("", killed),
        lambda: cluster.states(asked),
    )
    signer = cluster.signer()
    assert cluster.nodes[signer].neards(cluster.home) == stood_by[signer], "strategy hot starts no neard"
    cluster.start_all()
    for each in pools.values():
        each.wait_whole(asked, RETURN_S)


@pytest.mark.parametrize("account", POOLS)
def test_nothing_was_signed_twice_and_no_two_hosts_held_the_key(pools: dict[str, Cluster], account: str) -> None:
    verdict = pools[account].scenario.signatures().verdict(account)
    assert verdict.clean, verdict


def test_a_database_on_another_disk_is_there_and_nowhere_else(pools: dict[str, Cluster]) -> None:
    """Beside a unit that makes the rest of the file system read-only."""
    for host in pools["node6"].nodes.values():
        assert host.has("/srv/disk/second/LOCK")
        assert host.run("stat", "--format", "%U:%G %a", "/srv/disk/second").strip() == "staker:stakers 750"
        assert not host.has("/srv/near/second/data")
