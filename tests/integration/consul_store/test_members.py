"""Member records: whose they are, and what becomes of those that cannot be read."""

from __future__ import annotations

import json

import pytest

from near_ha.records import consul_keys
from near_ha.records.lease_record import LeaseState
from near_supervisor.core.facts.other_locks import OtherLock
from near_supervisor.io.consul_store import ConsulStore, Refused, Unknown
from support.lease_holder import LOCK_DELAY_MS, TIMEOUT_MS, holder, member, session, value
from support.real_consul import RealConsul
from support.records import a_store

pytestmark = pytest.mark.integration


def test_a_member_record_is_claimed_replaced_by_its_own_instance_and_refused_to_another(
    consul: RealConsul, store: ConsulStore
) -> None:
    first, second, foreign = session(store), session(store), session(store)
    assert store.claim_member("a", first, member("one")) is None
    assert store.claim_member("a", second, member("one")) is None, "the process before us left it"
    other = store.claim_member("a", foreign, member("two"))
    assert other is not None
    assert (other.member_id, other.session, other.record) == ("a", second, member("one"))
    assert store.claim_member("b", foreign, member("two")) is None
    assert {found.member_id: found.session for found in store.members()} == {"a": second, "b": foreign}
    consul.destroy(second)
    assert {found.member_id: found.session for found in store.members()} == {"a": None, "b": foreign}


def test_a_dropped_member_can_be_claimed_at_once(store: ConsulStore) -> None:
    first, second = session(store, lock_delay_ms=LOCK_DELAY_MS), session(store)
    assert store.claim_member("a", first, member("one")) is None
    store.drop_member("a", second)
    assert [found.session for found in store.members()] == [first], "only its own session drops it"
    store.drop_member("a", first)
    assert store.members() == ()
    store.destroy_session(first)
    assert store.claim_member("a", second, member("two")) is None


def test_a_record_that_goes_while_it_is_claimed_is_claimed_all_the_same(
    store: ConsulStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = session(store), session(store)
    assert store.claim_member("a", before, member("one")) is None
    read = store._read

    def dropped_first(key: str) -> object:
        store.drop_member("a", before)
        return read(key)

    monkeypatch.setattr(store, "_read", dropped_first)
    assert store.claim_member("a", after, member("one")) is None
    assert [found.session for found in store.members()] == [after]


def test_a_claim_with_a_session_that_is_gone_says_so(store: ConsulStore) -> None:
    mine = session(store)
    store.destroy_session(mine)
    with pytest.raises(Refused, match="session"):
        store.claim_member("a", mine, member("one"))


def test_a_claim_in_the_lock_delay_of_another_instance_is_no(consul: RealConsul, store: ConsulStore) -> None:
    first, second = session(store, lock_delay_ms=LOCK_DELAY_MS), session(store)
    assert store.claim_member("a", first, member("one")) is None
    consul.destroy(first)
    try:
        other = store.claim_member("a", second, member("two"))
    except (Refused, Unknown):
        return
    assert other is not None
    assert other.session is None


def test_a_member_is_published_under_its_lock_only(store: ConsulStore) -> None:
    mine, other = session(store), session(store)
    assert store.claim_member("a", mine, member("one")) is None
    store.publish_member("a", mine, member("one", ready=True))
    assert store.members()[0].record == member("one", ready=True)
    store.publish_member("a", other, member("two", ready=False))
    assert store.members()[0].record == member("one", ready=True)


def test_member_records_that_cannot_be_read_are_members_that_are_not_ready(
    consul: RealConsul, store: ConsulStore
) -> None:
    prefix = consul_keys.members(store.account_id)
    for name, body in (("list", ["x"]), ("text", "x"), ("deep", json.loads("[" * 50 + "]" * 50))):
        consul.ask("PUT", f"/v1/kv/{prefix}{name}", body)
    consul.ask("PUT", f"/v1/kv/{prefix}empty")
    assert {found.member_id for found in store.members()} == {"list", "text", "deep", "empty"}
    assert all(found.record is None for found in store.members())


# --- leases of other names


def test_leases_of_other_names_are_seen_while_they_are_held(consul: RealConsul, store: ConsulStore) -> None:
    consul.ask("DELETE", f"/v1/kv/{consul_keys.LEADERS}?recurse")
    holder(store)
    assert store.other_locks() == ()
    ours = a_store(consul.url, f"{store.account_id}-ours", TIMEOUT_MS)
    theirs = holder(ours, "b")
    foreign, stale = session(store), session(store)
    consul.ask("PUT", f"/v1/kv/{consul_keys.leader('their.near')}?acquire={foreign}", {"NodeId": "k", "Hostname": "h"})
    consul.ask("PUT", f"/v1/kv/{consul_keys.leader('gone.near')}?acquire={stale}", {"NodeId": "g"})
    consul.destroy(stale)
    found = [OtherLock(ours.account_id, "b", "ed25519:KEY"), OtherLock("their.near", "k")]
    assert sorted(store.other_locks(), key=lambda lock: lock.holder) == found
    ours.release(theirs, value("b", LeaseState.RELEASED))
    assert store.other_locks() == (OtherLock("their.near", "k"),)
