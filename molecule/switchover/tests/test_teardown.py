"""The end: an account is taken off its hosts, asked for by its name, and nobody signs for it any more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cluster import Cluster
from plays import play
from witness import Host, Scenario, until

ACCOUNT = "node3"
START_S = 90.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    nodes = {f"validator{number}": Host(f"near-switchover-host{number}") for number in (1, 2, 3)}
    cluster = Cluster(Scenario.load(), ACCOUNT, nodes)
    yield cluster
    # For a second `molecule verify`.
    played = play("deploy")
    assert played.status == 0, played.output[-3000:]


@pytest.mark.timeout(900)
def test_it_wants_the_name_and_all_hosts_and_then_ends_the_validator(cluster: Cluster) -> None:
    cluster.wait_whole(cluster.nodes["validator1"], START_S)
    for arguments, variables, sentence in (
        ((), {}, "Say which one with -e teardown_account=ACCOUNT"),
        ((), {"teardown_account": "other.near"}, "Say which one with -e teardown_account=ACCOUNT"),
        (("--limit", "validator1"), {"teardown_account": ACCOUNT}, "would take over and sign. Run it without --limit"),
    ):
        refused = play("teardown", *arguments, **variables)
        assert (refused.status != 0, refused.changed) == (True, 0), refused.output[-3000:]
        assert sentence in refused.words, refused.output[-3000:]
    played = play("teardown", teardown_account=ACCOUNT)
    assert played.status == 0, played.output[-3000:]
    for node, host in cluster.nodes.items():
        assert host.neards(cluster.home) == [], node
        assert not cluster.has_key(node), node
        assert host.has(f"/etc/near/supervisor/{ACCOUNT}/validator_key.json"), "keys stay unless teardown_keys says so"
        assert host.has(f"{cluster.home}/data"), "data stays unless teardown_data says so"
        assert not host.has(f"/etc/near/supervisor/{ACCOUNT}.env")
    until("nobody holds the lease", 30, lambda: cluster.active(cluster.nodes["validator1"]) == "")
    again = play("teardown", teardown_account=ACCOUNT)
    assert (again.status, again.changed) == (0, 0), again.output[-3000:]
    verdict = cluster.scenario.signatures().verdict(ACCOUNT)
    assert verdict.clean, verdict
