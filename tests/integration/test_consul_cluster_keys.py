"""The cluster's values on a real Consul: read together, changed by check-and-set, watched, and whatever lies there."""

from __future__ import annotations

from pathlib import Path

import pytest

from near_ha.records import cluster, consul_keys, history
from near_supervisor.core.facts.answer import YES, Kind
from near_supervisor.io.consul_store import ConsulStore, Denied, Unknown
from support.cluster_keys import CHANGE, GARBAGE, LEASE_ONLY, PAUSED, REQUEST, SOON_S, member, store, with_rules, write
from support.guarded_consul import guarded
from support.hostile_http import CLOSE, HANG, answer, hostile
from support.open_consul import consul
from support.ports import free_port
from support.real_consul import RealConsul
from support.records import a_store
from support.waiting import took_s

__all__ = ["consul", "guarded", "store"]


pytestmark = pytest.mark.integration

# --- check-and-set


def test_a_key_that_is_not_there_is_made_once(store: ConsulStore) -> None:
    key = consul_keys.switchover(store.account_id)
    assert store.look_at(key, 0, 0)[1] is None
    assert store.check_and_set(key, 0, "one") == YES
    second = store.check_and_set(key, 0, "two")
    assert (second.kind, "index" in second.reason) == (Kind.NO, True), second
    entry = store.look_at(key, 0, 0)[1]
    assert entry is not None
    assert (entry.value, entry.session) == (b"one", None)


def test_of_two_that_read_the_same_one_succeeds(store: ConsulStore) -> None:
    key = consul_keys.config(store.account_id)
    at = write(store, key, "before")
    assert store.check_and_set(key, at, "first") == YES
    assert store.check_and_set(key, at, "second").kind is Kind.NO
    write(store, key, "third")
    assert store.check_and_set(key, at + 1, "second").kind is Kind.NO


def test_a_key_that_was_deleted_is_not_made_anew_by_who_had_read_it(consul: RealConsul, store: ConsulStore) -> None:
    key = consul_keys.config(store.account_id)
    at = write(store, key, "before")
    consul.ask("DELETE", f"/v1/kv/{key}")
    assert store.check_and_set(key, at, "after").kind is Kind.NO
    assert store.look_at(key, 0, 0)[1] is None


def cas(store: ConsulStore) -> Kind:
    return store.check_and_set(consul_keys.config(store.account_id), 3, "{}").kind


@pytest.mark.parametrize(
    "said",
    [CLOSE, answer(b"No cluster leader", "500 Internal Server Error"), answer({}), answer(True), answer(b"x", "409 X"),
     answer({"Results": [{"KV": {"Key": "near-supervisor/other/config", "ModifyIndex": 7}}]}),
     answer({"Errors": [{"OpIndex": 0, "What": "Permission denied"}]}, "409 Conflict")],
)  # fmt: skip
def test_what_a_broken_server_says_to_a_check_and_set_is_not_known(said: bytes) -> None:
    with hostile(said) as server:
        broken = a_store(server.url, "default", 300)
        assert cas(broken) is Kind.UNKNOWN
        with pytest.raises(Unknown):
            broken.entries()
        with pytest.raises(Unknown):
            broken.look_at("near-supervisor/default/config", 0, 0)


def test_a_server_that_hangs_or_is_not_there_is_not_known() -> None:
    with hostile(HANG) as server:
        broken = a_store(server.url, "default", 300)
        assert took_s(lambda: cas(broken)) < SOON_S
        assert cas(broken) is Kind.UNKNOWN
    assert cas(a_store(f"http://127.0.0.1:{free_port()}", "default", 300)) is Kind.UNKNOWN


# --- everything at once


def test_a_cluster_is_read_as_it_was_written(store: ConsulStore) -> None:
    account = store.account_id
    assert store.entries() == ()
    session = store.create_session("a", 10_000, 0)
    assert store.claim_member("a", session, member("a")) is None
    write(store, consul_keys.config(account), PAUSED)
    write(store, consul_keys.history(account), history.to_json([CHANGE]))
    at = write(store, consul_keys.switchover(account), REQUEST.to_json())
    # Names that begin alike are others' keys.
    write(store, consul_keys.config(account + "x"), "other")
    write(store, consul_keys.leader(account + "x"), "other")
    found = cluster.read(account, store.entries())
    assert found.problems == ()
    assert [(standing.member_id, standing.session, standing.record) for standing in found.members] == [
        ("a", session, member("a"))
    ]
    assert (found.config.paused, found.changes, found.request, found.request_index) == (True, (CHANGE,), REQUEST, at)
    assert (found.lease_index, found.validator, found.leader) == (0, None, "")


@pytest.mark.parametrize("raw", GARBAGE, ids=lambda raw: str(raw[:12]))
def test_garbage_in_every_key_is_named_and_hides_nothing_else(store: ConsulStore, raw: bytes) -> None:
    account = store.account_id
    session = store.create_session("a", 10_000, 0)
    assert store.claim_member("a", session, member("a")) is None
    keys = [
        consul_keys.leader(account), consul_keys.config(account), consul_keys.switchover(account),
        consul_keys.history(account), consul_keys.member(account, "bad"),
    ]  # fmt: skip
    for key in keys:
        write(store, key, raw)
    found = cluster.read(account, store.entries())
    assert sorted(problem.partition(": ")[0] for problem in found.problems) == sorted(keys)
    assert [standing.member_id for standing in found.members if standing.record] == ["a"]
    assert (found.config.paused, found.request, found.changes, found.lease) == (False, None, (), None)
    assert found.request_index > 0, "it can be replaced"


def test_a_token_that_may_not_read_is_told_apart_from_an_empty_store(guarded: RealConsul, tmp_path: Path) -> None:
    poor = with_rules(guarded, tmp_path, LEASE_ONLY)
    with pytest.raises(Denied, match="Permission denied"):
        poor.entries()
    with pytest.raises(Denied):
        poor.look_at(consul_keys.config("default"), 0, 0)
    said = poor.check_and_set(consul_keys.config("default"), 0, "{}")
    assert (said.kind, "denied" in said.reason.lower()) == (Kind.UNKNOWN, True)
    with pytest.raises(Denied):
        poor.put(consul_keys.config("default"), 0, "{}")
    assert guarded.entry(consul_keys.config("default")) is None


# --- who answers to a claim


def test_a_record_of_ours_that_another_version_wrote_is_replaced(store: ConsulStore) -> None:
    first, second, third = (store.create_session("a", 10_000, 0) for _ in range(3))
    assert store.claim_member("a", first, member("a")) is None
    client, key = store._clients[0], consul_keys.member(store.account_id, "a")
    client.kv.put(key, '{"instance": "instance-a", "state": 7}', acquire=first)
    assert store.members()[0].record is None
    assert store.claim_member("a", second, member("a")) is None
    client.kv.put(key, '{"state": 7}', acquire=second)
    other = store.claim_member("a", third, member("a"))
    assert other is not None
    assert (other.record, other.session, other.name) == (None, second, "a")
