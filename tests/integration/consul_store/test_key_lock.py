"""The lock of the validator key beside the lease: two account ids with one key, in the same transactions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from near_ha.keys import key_file, record_key
from near_ha.keys.record_key import RecordKey
from near_ha.records import consul_keys, key_record, lease_record
from near_ha.records.lease_record import LeaseState
from near_supervisor.core.facts.answer import Kind
from near_supervisor.core.facts.key_lock import KeySeen
from near_supervisor.core.facts.lease_view import How
from near_supervisor.io.consul_store import ConsulStore
from support import near_keys
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
from support.records import KEY, a_store

pytestmark = pytest.mark.integration

RELEASED = LeaseState.RELEASED


@pytest.fixture
def lock(account: str) -> str:
    return consul_keys.validator_key(f"pool-{account}.near", "ed25519:KEY")


@pytest.fixture
def store(consul: RealConsul, account: str, lock: str) -> ConsulStore:
    """Of the first account id."""
    return a_store(consul.url, account, TIMEOUT_MS, key_lock=lock)


@pytest.fixture
def other(consul: RealConsul, account: str, lock: str) -> ConsulStore:
    """Of another account id, with the same key."""
    return a_store(consul.url, f"{account}-other", TIMEOUT_MS, key_lock=lock)


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
    assert (seen.index is not None, seen.record, seen.claim, seen.account_id, seen.problem) == (
        True,
        None,
        None,
        "",
        "",
    )
    assert "cannot be read" in seen.doubt


# --- signed, like each record


def put(consul: RealConsul, lock: str, text: str, how: str = "") -> None:
    consul.ask("PUT", f"/v1/kv/{lock}?{how}", json.loads(text))


def forged(store: ConsulStore) -> str:
    """A release of ``store``'s own name, which would open at once if a member had signed it."""
    return key_record.to_json(store.account_id, value("mallory", RELEASED, seq=10**9))


def test_both_names_verify_each_other_for_their_key_is_the_same(
    consul: RealConsul, account: str, lock: str, tmp_path: Path
) -> None:
    """The records' key follows from the validator key, whatever its hosts call the lease."""

    def member(name: str) -> ConsulStore:
        key = key_file.read(near_keys.write(tmp_path / f"{name}.json", "validator_key"))
        return a_store(consul.url, name, TIMEOUT_MS, key_lock=lock, records=record_key.of_validator(key))

    a_side, b_side = member(account), member(f"{account}-b")
    mine = holder(a_side)
    assert a_side.heartbeat(mine, value(seq=2)).kind is Kind.YES
    seen = key_seen(b_side)
    assert (seen.doubt, seen.account_id, seen.session) == ("", account, mine)
    assert seen.record == lease_record.parse(value(seq=2).encode())


@pytest.mark.parametrize(
    "signature", ["none", "another key's", "that of the lease", "that of another validator key", "of another name"]
)
def test_what_no_member_has_signed_is_a_claim_for_both_and_its_holder_writes_it_again(
    consul: RealConsul, store: ConsulStore, other: ConsulStore, lock: str, signature: str
) -> None:
    mine, text = holder(store), forged(other)
    another = consul_keys.validator_key(f"pool-{store.account_id}.near", "ed25519:OTHER")
    signed = {
        "none": text,
        "another key's": RecordKey(b"mallory's").sealed(lock, text),
        "that of the lease": KEY.sealed(key_of(store), text),
        "that of another validator key": KEY.sealed(another, text),
        "of another name": json.dumps({**json.loads(KEY.sealed(lock, forged(store))), "account_id": other.account_id}),
    }[signature]
    put(consul, lock, signed)
    for reader in (store, other):
        seen = key_seen(reader)
        assert (seen.record, seen.session, seen.problem) == (None, mine, "")
        assert seen.claim == lease_record.parse(text.encode())
        assert "sign" in seen.doubt
    assert store.heartbeat(mine, value(seq=2)).kind is Kind.UNKNOWN, "that it moved says nothing of the lease"
    assert store.heartbeat(mine, value(seq=3)).kind is Kind.YES
    seen = key_seen(other)
    assert (seen.doubt, seen.session, seen.record and seen.record.seq) == ("", mine, 3)


def test_what_was_signed_for_the_lock_counts_nowhere_else(consul: RealConsul, store: ConsulStore, lock: str) -> None:
    mine = holder(store)
    put(consul, key_of(store), KEY.sealed(lock, key_record.to_json(store.account_id, value(state=RELEASED))))
    assert store.look(0, 1_000)[1].record is None
    assert store.heartbeat(mine, value(seq=2)).kind is not Kind.NO


def test_a_holder_whose_lock_is_gone_does_not_take_it_from_what_no_member_has_signed(
    consul: RealConsul, store: ConsulStore, lock: str
) -> None:
    """Somebody with another record key may have taken it meanwhile, and how far that one came is not known."""
    mine = holder(store)
    consul.ask("DELETE", f"/v1/kv/{lock}")
    put(consul, lock, forged(store))
    before = key_seen(store)
    assert store.heartbeat(mine, value(seq=2)).kind is not Kind.YES
    refused(store.heartbeat(mine, value(seq=3)), "it is not signed")
    assert key_seen(store) == before


def test_another_record_key_is_beside_this_one_like_another_name(
    consul: RealConsul, store: ConsulStore, account: str, lock: str
) -> None:
    """Its lock is a claim, each heartbeat moves it, and what is tried on an old sight of it gets no lease."""
    theirs = a_store(consul.url, f"{account}-b", TIMEOUT_MS, key_lock=lock, records=RecordKey(b"a file of its own"))
    b, mine = holder(theirs, "b"), session(store)
    at, seen = vacancy(store), key_seen(store)
    assert (seen.record, seen.session) == (None, b)
    assert "not that of this cluster's key" in seen.doubt
    assert theirs.heartbeat(b, value("b", seq=2)).kind is Kind.YES
    refused(store.acquire(How.TAKEOVER, at, mine, value(), seen.index), "index")
    again = key_seen(store)
    assert again.index != seen.index
    assert store.acquire(How.TAKEOVER, at, mine, value(), again.index).kind is Kind.YES, "the core has waited it out"
    assert theirs.heartbeat(b, value("b", seq=3)).kind is Kind.NO
    assert store.heartbeat(mine, value(seq=2)).kind is Kind.YES
