"""Heartbeat and release: the holder's transactions, and each way they are refused."""

from __future__ import annotations

import pytest

from near_ha.records import consul_keys
from near_ha.records.lease_record import LeaseState
from near_supervisor.core.facts.answer import Kind
from near_supervisor.core.facts.lease_view import How
from near_supervisor.io.consul_store import ConsulStore
from support.lease_holder import (
    TIMEOUT_MS,
    TTL_MS,
    acquire,
    holder,
    index,
    key_of,
    key_seen,
    refused,
    seq,
    session,
    value,
)
from support.real_consul import RealConsul
from support.records import a_store
from support.waiting import until

pytestmark = pytest.mark.integration


def test_a_heartbeat_writes_and_keeps_the_lock(store: ConsulStore) -> None:
    mine = holder(store)
    before = index(store)
    assert store.heartbeat(mine, value(seq=9)).kind is Kind.YES
    seen = store.look(0, 1_000)[1]
    assert seen.index is not None
    assert seen.index > before
    assert (seen.session, seen.record and seen.record.seq) == (mine, 9)


def test_a_heartbeat_is_refused_without_the_lock(consul: RealConsul, store: ConsulStore) -> None:
    mine = session(store)
    refused(store.heartbeat(mine, value()), "")
    mine = holder(store)
    refused(store.heartbeat(session(store, "b"), value("b")), "failed session check")
    store.release(mine, value(state=LeaseState.RELEASED))
    seen = store.look(0, 1_000)[1]
    refused(store.heartbeat(mine, value()), "failed session check")
    assert store.look(0, 1_000)[1] == seen, "a late heartbeat does not undo a release"
    assert seen.released
    assert consul.session(mine) is not None


def test_a_heartbeat_is_refused_once_the_session_or_the_key_is_gone(consul: RealConsul, store: ConsulStore) -> None:
    mine = holder(store)
    consul.destroy(mine)
    refused(store.heartbeat(mine, value()), "failed session check")
    again = store.create_session("a", TTL_MS, 0)
    until("the lock is free", lambda: acquire(store, How.TAKEOVER, index(store), again, value()).kind is Kind.YES)
    consul.ask("DELETE", f"/v1/kv/{key_of(store)}")
    refused(store.heartbeat(again, value()), "")


def test_a_release_is_written_once_and_leaves_the_record(store: ConsulStore) -> None:
    mine = holder(store)
    assert store.release(mine, value(state=LeaseState.RELEASED, seq=5)).kind is Kind.YES
    seen = store.look(0, 1_000)[1]
    assert seen.released
    assert seen.session is None
    refused(store.release(mine, value(state=LeaseState.RELEASED, seq=6)), "failed session check")
    assert store.look(0, 1_000)[1] == seen


def test_a_heartbeat_that_is_carried_out_late_does_not_put_an_older_record_back(
    consul: RealConsul, store: ConsulStore
) -> None:
    """Found by bin/simulate (seed 1409814): the older height came back with it, and a successor signed again."""
    mine = holder(store)
    store.heartbeat(mine, value(seq=1))
    late = a_store(consul.url, store.account_id, TIMEOUT_MS)
    late._written, late._key_written = index(store), key_seen(store).index
    store.heartbeat(mine, value(seq=2))
    said = late.heartbeat(mine, value(seq=1))
    assert (said.kind, "index" in said.reason) == (Kind.UNKNOWN, True), "the lock is still ours: this is no no"
    assert seq(store) == 2


def test_after_a_lost_answer_the_record_is_read_and_heartbeats_go_on(store: ConsulStore) -> None:
    mine = holder(store)
    store.heartbeat(mine, value(seq=1))
    store._written = store._key_written = None
    assert store.heartbeat(mine, value(seq=2)).kind is Kind.YES
    assert store.heartbeat(mine, value(seq=3)).kind is Kind.YES
    assert seq(store) == 3


def test_a_record_that_somebody_else_wrote_over_costs_the_holder_one_heartbeat(
    consul: RealConsul, store: ConsulStore
) -> None:
    mine = holder(store)
    store.heartbeat(mine, value(seq=1))
    consul.ask("PUT", f"/v1/kv/{key_of(store)}", "scribble")
    assert store.heartbeat(mine, value(seq=2)).kind is Kind.UNKNOWN
    assert store.heartbeat(mine, value(seq=3)).kind is Kind.YES
    assert seq(store) == 3


def test_a_heartbeat_that_is_refused_keeps_nothing(consul: RealConsul, store: ConsulStore) -> None:
    mine = holder(store)
    consul.ask("DELETE", f"/v1/kv/{key_of(store)}")
    before = consul.entry(consul_keys.last_heartbeat(store.account_id))
    refused(store.heartbeat(mine, value(seq=9)), "")
    assert consul.entry(consul_keys.last_heartbeat(store.account_id)) == before
