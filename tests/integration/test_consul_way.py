"""A request that is written past the supervisors: what somebody else does meanwhile, and what a lost answer means."""

from __future__ import annotations

from pathlib import Path

import pytest

from near_ha.errors import ConsulUnknown, Refused
from near_ha.keys import record_key
from near_ha.operator import request as operator_request
from near_ha.operator.cluster_options import Access
from near_ha.operator.request import Decision, OperatorRequest, Verb
from near_ha.records import consul_keys
from near_ha.records.cluster import Cluster
from near_ha.records.cluster_config import ClusterConfig
from near_ha.records.switchover import Action, Switchover
from near_ha.transport.by_consul import ConsulWay
from near_ha.transport.consul_http import Agents, ConsulHttp, addresses
from support.open_consul import consul
from support.played_cluster import ACCOUNT, PlayedCluster, cluster
from support.records import KEY

__all__ = ["cluster", "consul"]

pytestmark = pytest.mark.integration

PROMOTE = OperatorRequest(Verb.PROMOTE, "validator-2", "me", "a test", force=True)
PAUSE = OperatorRequest(Verb.PAUSE, "", "me", "a test")


@pytest.fixture(autouse=True)
def nobody_moves_a_request(cluster: PlayedCluster) -> None:
    cluster.script = "ignored"


@pytest.fixture
def way(cluster: PlayedCluster) -> ConsulWay:
    return ConsulWay(Access(account_id=ACCOUNT, consul_urls=(cluster.consul.url,)))


def client(cluster: PlayedCluster) -> ConsulHttp:
    return ConsulHttp(Agents(addresses([cluster.consul.url], None)), 5.0)


def test_a_value_that_has_moved_on_is_left_alone(cluster: PlayedCluster) -> None:
    consul, key = client(cluster), consul_keys.config(ACCOUNT)
    assert consul.check_and_set(key, 0, '{"paused": true}')
    assert not consul.check_and_set(key, 0, '{"paused": false}')
    assert not consul.check_and_set(key, cluster.cluster().config_index - 1, '{"paused": false}')
    assert cluster.cluster().config.paused


def test_of_two_that_ask_at_once_one_is_told_of_the_other(
    cluster: PlayedCluster, way: ConsulWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one writes between this one's look and its write."""
    decide, other, rounds = operator_request.decide, ConsulWay(Access(ACCOUNT, consul_urls=(cluster.consul.url,))), []

    def slowly(seen: Cluster, wanted: OperatorRequest, request_id: str, now_ms: int) -> Decision:
        decided = decide(seen, wanted, request_id, now_ms)
        rounds.append(wanted.by)
        if len(rounds) == 1:
            other.ask(OperatorRequest(Verb.PROMOTE, "validator-2", "another"), check=False)
        return decided

    monkeypatch.setattr(operator_request, "decide", slowly)
    with pytest.raises(Refused, match="another switchover is under way"):
        way.ask(PROMOTE, check=False)
    request = cluster.cluster().request
    assert request is not None
    assert request.asked_by == "another"
    assert rounds == ["me", "another", "me"]


def test_a_cluster_that_never_rests_is_given_up(
    cluster: PlayedCluster, way: ConsulWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ConsulHttp, "check_and_set", lambda *_: False)
    with pytest.raises(Refused, match="changes faster than it can be asked"):
        way.ask(PROMOTE, check=False)
    assert cluster.cluster().request is None


@pytest.mark.parametrize("wanted", [PROMOTE, PAUSE], ids=["promote", "pause"])
@pytest.mark.parametrize("arrived", [True, False], ids=["it had arrived", "it had not"])
def test_an_answer_that_is_lost_is_looked_for(
    cluster: PlayedCluster, way: ConsulWay, monkeypatch: pytest.MonkeyPatch, wanted: OperatorRequest, arrived: bool
) -> None:
    write = ConsulHttp.check_and_set

    def lose(self: ConsulHttp, key: str, index: int, value: str) -> bool:
        if arrived:
            write(self, key, index, value)
        raise ConsulUnknown("Consul does not answer")

    monkeypatch.setattr(ConsulHttp, "check_and_set", lose)
    if arrived:
        assert way.ask(wanted, check=False).changed
    else:
        with pytest.raises(ConsulUnknown, match="whether it has the request is not known"):
            way.ask(wanted, check=False)
    now = cluster.cluster()
    assert (now.request is not None or now.config.paused) is arrived


def test_a_request_that_was_moved_on_at_once_is_still_ours(
    cluster: PlayedCluster, way: ConsulWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One agent stores it and is silent, the next one says no: by then a supervisor has accepted it."""
    write = ConsulHttp.check_and_set

    def twice(self: ConsulHttp, key: str, index: int, value: str) -> bool:
        assert write(self, key, index, value)
        now = cluster.cluster()
        assert now.request is not None
        moved = now.request.accepted("validator-1", 7, "validator-2", 1)
        assert write(self, key, now.request_index, moved.to_json())
        return write(self, key, index, value)

    monkeypatch.setattr(ConsulHttp, "check_and_set", twice)
    asked = way.ask(PROMOTE, check=False)
    request = cluster.cluster().request
    assert request is not None
    assert (asked.changed, asked.request) == (True, request.id)


# --- where the members sign


def signed(cluster: PlayedCluster) -> None:
    """One of them writes what it has signed."""
    put(cluster, consul_keys.member(ACCOUNT, "validator-3"), KEY.sealed("x", cluster.members["validator-2"].to_json()))


def put(cluster: PlayedCluster, key: str, value: str) -> None:
    assert client(cluster).check_and_set(key, 0, value)


@pytest.mark.parametrize("wanted", [PROMOTE, PAUSE])
def test_who_cannot_sign_is_refused_before_anything_is_written(
    cluster: PlayedCluster, way: ConsulWay, wanted: OperatorRequest
) -> None:
    signed(cluster)
    before = cluster.store()
    with pytest.raises(Refused, match="follow only what is signed") as caught:
        way.ask(wanted, check=False)
    assert "record key" in caught.value.hint
    assert cluster.store() == before


@pytest.mark.parametrize("wanted", [PROMOTE, PAUSE])
def test_who_can_signs_what_it_writes(cluster: PlayedCluster, tmp_path: Path, wanted: OperatorRequest) -> None:
    signed(cluster)
    path = tmp_path / "record_key"
    path.write_text("0a" * 32)
    path.chmod(0o400)
    access = Access(account_id=ACCOUNT, consul_urls=(cluster.consul.url,), record_key_file=str(path))
    assert ConsulWay(access).ask(wanted, check=False).changed
    key = (consul_keys.config if wanted is PAUSE else consul_keys.switchover)(ACCOUNT)
    found = next(entry for entry in client(cluster).entries(ACCOUNT) if entry.key == key)
    assert record_key.load(path).doubt(key, found.value) == ""


def test_a_forged_request_or_pause_stands_in_nobodys_way(cluster: PlayedCluster) -> None:
    request = Switchover("x", Action.PROMOTE, "validator-2", "mallory", "", 0, 7, 3_600_000)
    put(cluster, consul_keys.switchover(ACCOUNT), request.accepted("validator-1", 7, "validator-2", 0).to_json())
    put(cluster, consul_keys.config(ACCOUNT), ClusterConfig(True, "mallory").to_json())
    way = ConsulWay(Access(account_id=ACCOUNT, consul_urls=(cluster.consul.url,)), KEY)
    assert way.ask(OperatorRequest(Verb.PROMOTE, "validator-2"), check=False).changed
    assert way.ask(PAUSE, check=False).changed
