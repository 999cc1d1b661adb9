"""The lock of the validator key beside the lease: two account ids with one key, in the same transactions."""

from __future__ import annotations

import pytest

from near_ha import consul_keys
from near_ha.lease_record import LeaseState
from near_supervisor.core.answer import Kind
from near_supervisor.core.key_lock import KeySeen
from near_supervisor.core.watch import How
from near_supervisor.io.consul_store import ConsulStore
from support.lease_holder import (
    TIMEOUT_MS,
    acquire,
    holder,
    index,
    key_of,
    key_seen,
    refused,
    session,
    vacant,
    value,
)
from support.real_consul import RealConsul

pytestmark = pytest.mark.integration

RELEASED = LeaseState.RELEASED


@pytest.fixture
def lock(account: str) -> str:
    return consul_keys.validator_key(f"pool-{account}.near", "ed25519:KEY")


@pytest.fixture
def store(consul: RealConsul, account: str, lock: str) -> ConsulStore:
    """Of the first account id."""
    return ConsulStore(consul.url, account, TIMEOUT_MS, key_lock=lock)


@pytest.fixture
def other(consul: RealConsul, account: str, lock: str) -> ConsulStore:
    """Of another account id, with the same key."""
    return ConsulStore(consul.url, f"{account}-other", TIMEOUT_MS, key_lock=lock)


def vacancy(store: ConsulStore) -> int:
    """The index of a lease that nobody has."""
    assert store.note_vacancy(vacant(), None).kind is Kind.YES
    return index(store)


def test_of_two_that_saw_no_lock_one_takes_it_and_the_other_gets_no_lease(
    store: ConsulStore, other: ConsulStore
) -> None:
    first, second = vacancy(store), vacancy(other)
    a, b = session(store), session(other, "b")
    assert store.acquire(How.TAKEOVER, first, a, value(), None).kind is Kind.YES
    refused(other.acquire(How.TAKEOVER, second, b, value("b"), None), "")
    assert other.look(0, 1_000)[1].session is None, "not even the lease, which is free"
    seen = key_seen(other)
    assert (seen.account_id, seen.session, seen.record and seen.record.node_id) == (store.account_id, a, "a")


@pytest.mark.parametrize("how", list(How)[1:])
def test_the_lock_is_taken_only_as_it_was_read(store: ConsulStore, other: ConsulStore, how: How) -> None:
    mine, theirs = holder(store), session(other, "b")
    assert store.release(mine, value(state=RELEASED)).kind is Kind.YES
    before = key_seen(other).index
    again = session(store)
    assert acquire(store, How.RELEASED, index(store), again, value()).kind is Kind.YES
    at = vacancy(other)
    refused(other.acquire(how, at, theirs, value("b"), before), "index")
    refused(other.acquire(how, at, theirs, value("b"), None), "")
    assert store.heartbeat(again, value(seq=2)).kind is Kind.YES


def test_each_heartbeat_is_seen_under_the_other_name(store: ConsulStore, other: ConsulStore) -> None:
    mine = holder(store)
    before = key_seen(other).index
    assert before is not None
    assert store.heartbeat(mine, value(seq=2)).kind is Kind.YES
    seen = key_seen(other)
    assert seen.index is not None
    assert seen.index > before
    assert seen.record is not None
    assert seen.record.seq == 2


def test_a_release_frees_both(store: ConsulStore, other: ConsulStore) -> None:
    mine = holder(store)
    store.heartbeat(mine, value(seq=2))
    assert store.release(mine, value(state=RELEASED, seq=3)).kind is Kind.YES
    seen = key_seen(other)
    assert (seen.session, seen.record and seen.record.state, seen.account_id) == (None, RELEASED, store.account_id)
    at, theirs = vacancy(other), session(other, "b")
    assert other.acquire(How.TAKEOVER, at, theirs, value("b"), seen.index).kind is Kind.YES
    assert other.heartbeat(theirs, value("b", seq=2)).kind is Kind.YES


def test_whoever_loses_the_lock_of_the_key_has_lost_the_lease(store: ConsulStore, other: ConsulStore) -> None:
    """The other one has waited it out: the next heartbeat of the one before is a no, and kills its signer."""
    mine, theirs = holder(store), session(other, "b")
    assert acquire(other, How.TAKEOVER, vacancy(other), theirs, value("b")).kind is Kind.YES
    said = store.heartbeat(mine, value(seq=2))
    assert said.kind is Kind.NO
    refused(store.heartbeat(mine, value(seq=3)), other.account_id)
    assert other.heartbeat(theirs, value("b", seq=2)).kind is Kind.YES


def test_also_where_the_other_one_has_given_it_back_since(store: ConsulStore, other: ConsulStore) -> None:
    mine, theirs = holder(store), session(other, "b")
    acquire(other, How.TAKEOVER, vacancy(other), theirs, value("b"))
    other.release(theirs, value("b", RELEASED))
    before = key_seen(other)
    assert store.heartbeat(mine, value(seq=2)).kind is not Kind.YES
    refused(store.heartbeat(mine, value(seq=3)), other.account_id)
    assert key_seen(other) == before, "how far the other one came is not lost"


def test_a_lock_that_somebody_deletes_is_written_again(consul: RealConsul, store: ConsulStore, lock: str) -> None:
    mine = holder(store)
    consul.ask("DELETE", f"/v1/kv/{lock}")
    assert store.heartbeat(mine, value(seq=2)).kind is Kind.UNKNOWN, "that it is gone says nothing of the lease"
    assert store.heartbeat(mine, value(seq=3)).kind is Kind.YES
    assert key_seen(store).session == mine


# --- an upgrade: the version before knows of the lease alone


def lease_alone(consul: RealConsul, store: ConsulStore, lock: str) -> str:
    """A holder of the version before."""
    mine = holder(store)
    consul.ask("DELETE", f"/v1/kv/{lock}")
    store._written = store._key_written = None
    return mine


def test_a_signer_of_the_version_before_gets_it_with_its_first_heartbeat(
    consul: RealConsul, store: ConsulStore, lock: str
) -> None:
    mine = lease_alone(consul, store, lock)
    assert key_seen(store) == KeySeen()
    assert store.heartbeat(mine, value(seq=2)).kind is Kind.YES
    assert key_seen(store).session == mine


def test_also_where_its_account_has_left_one_behind(consul: RealConsul, store: ConsulStore, lock: str) -> None:
    """A node of this version held both and vanished; one of the version before has taken the lease."""
    holder(store)
    late = session(store, "late")
    left = index(store)
    old = [
        {"KV": {"Verb": "delete-cas", "Key": key_of(store), "Index": left}},
        {"KV": {"Verb": "lock", "Key": key_of(store), "Session": late, "Value": ""}},
    ]
    consul.ask("PUT", "/v1/txn", old)
    store._written = store._key_written = None
    assert store.heartbeat(late, value(seq=2)).kind is Kind.YES
    assert key_seen(store).session == late


def test_and_can_release_before_that(consul: RealConsul, store: ConsulStore, lock: str) -> None:
    mine = lease_alone(consul, store, lock)
    assert store.release(mine, value(state=RELEASED)).kind is Kind.YES
    assert store.look(0, 1_000)[1].released


def test_a_release_after_the_lock_was_deleted_is_asked_for_once_more(
    consul: RealConsul, store: ConsulStore, lock: str
) -> None:
    mine = holder(store)
    consul.ask("DELETE", f"/v1/kv/{lock}")
    assert store.release(mine, value(state=RELEASED)).kind is Kind.UNKNOWN
    assert store.release(mine, value(state=RELEASED)).kind is Kind.YES


def test_what_is_no_record_of_ours_is_somebody_elses(consul: RealConsul, store: ConsulStore, lock: str) -> None:
    consul.ask("PUT", f"/v1/kv/{lock}", "scribble")
    seen = key_seen(store)
    assert (seen.index is not None, seen.record, seen.account_id, seen.problem) == (True, None, "", "")
