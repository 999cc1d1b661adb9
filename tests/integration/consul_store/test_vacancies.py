"""A lease that nobody holds and nobody has released: what is noted of it, and what outlives a deleted one."""

from __future__ import annotations

import pytest

from near_ha.records import consul_keys, lease_record
from near_ha.records.lease_record import LeaseState
from near_supervisor.core.facts.answer import Kind
from near_supervisor.core.facts.lease_view import How
from near_supervisor.io.consul_store import ConsulStore
from support.lease_holder import acquire, holder, index, key_of, refused, session, vacant, value
from support.real_consul import RealConsul

pytestmark = pytest.mark.integration


def test_a_vacancy_is_noted_without_a_lock_and_then_taken(consul: RealConsul, store: ConsulStore) -> None:
    assert store.note_vacancy(vacant(), None).kind is Kind.YES
    noted = store.look(0, 1_000)[1]
    assert noted.record is not None
    assert (noted.record.state, noted.session) == (LeaseState.VACANT, None)
    mine = session(store)
    assert acquire(store, How.TAKEOVER, noted.index, mine, value()).kind is Kind.YES
    entry = consul.entry(key_of(store))
    assert entry is not None
    assert entry["Session"] == mine


def test_a_vacancy_is_not_noted_where_there_is_a_record(store: ConsulStore) -> None:
    mine = holder(store)
    refused(store.note_vacancy(vacant(), None), "exists")
    store.release(mine, value(state=LeaseState.RELEASED))
    refused(store.note_vacancy(vacant(), None), "exists")
    assert store.look(0, 1_000)[1].holder == "a"


def test_what_the_last_heartbeat_said_outlives_a_lease_that_is_deleted(consul: RealConsul, store: ConsulStore) -> None:
    mine = holder(store)
    assert store.heartbeat(mine, value(seq=7)).kind is Kind.YES
    consul.ask("DELETE", f"/v1/kv/{key_of(store)}")
    seen = store.look(0, 1_000)[1]
    assert (seen.index, seen.session, seen.kept) == (None, None, lease_record.parse(value(seq=7).encode()))
    refused(store.note_vacancy(vacant(), None), "exists")
    assert seen.kept_index is not None
    refused(store.note_vacancy(vacant(), seen.kept_index - 1), "index")
    assert store.note_vacancy(vacant(), seen.kept_index).kind is Kind.YES


def test_a_vacancy_is_not_noted_when_a_heartbeat_came_after_the_last_one_that_was_read(
    consul: RealConsul, store: ConsulStore
) -> None:
    """Between a look and the note another node may come, sign under a longer lease, and lose its key as well."""
    mine = holder(store)
    store.heartbeat(mine, value(seq=1))
    consul.ask("DELETE", f"/v1/kv/{key_of(store)}")
    seen = store.look(0, 1_000)[1]
    assert store.note_vacancy(vacant(), seen.kept_index).kind is Kind.YES
    other = session(store, "b")
    assert acquire(store, How.TAKEOVER, index(store), other, value("b")).kind is Kind.YES
    assert store.heartbeat(other, value("b", seq=2)).kind is Kind.YES
    consul.ask("DELETE", f"/v1/kv/{key_of(store)}")
    refused(store.note_vacancy(vacant(), seen.kept_index), "index")


def test_a_last_heartbeat_that_somebody_spoilt_says_nothing_but_does_not_stand_in_the_way(
    consul: RealConsul, store: ConsulStore
) -> None:
    consul.ask("PUT", f"/v1/kv/{consul_keys.last_heartbeat(store.account_id)}", "spoilt")
    seen = store.look(0, 1_000)[1]
    assert seen.kept is None
    assert store.note_vacancy(vacant(), seen.kept_index).kind is Kind.YES
