"""A release, or a heartbeat, goes on top of what its own node wrote last, and of nothing else."""

from __future__ import annotations

import json

import pytest

from near_ha.records.lease_record import LeaseState
from near_supervisor.core.facts.answer import Kind
from near_supervisor.core.facts.lease_view import How
from near_supervisor.io.consul_store import ConsulStore
from support.lease_holder import TIMEOUT_MS, acquire, holder, index, key_of, refused, session, value
from support.real_consul import RealConsul
from support.records import a_store

pytestmark = pytest.mark.integration


def put_back(consul: RealConsul, store: ConsulStore, record: str, owner: str) -> None:
    """Whoever may write to Consul, and has seen that record: it is there again, and locked by any session there is."""
    body = json.loads(store.records.sealed(key_of(store), record))
    holds = (consul.entry(key_of(store)) or {}).get("Session")
    if holds:
        consul.ask("PUT", f"/v1/kv/{key_of(store)}?release={holds}", body)
    consul.ask("PUT", f"/v1/kv/{key_of(store)}?acquire={owner}", body)


def test_not_on_a_record_that_somebody_has_put_back_under_this_nodes_session(
    consul: RealConsul, store: ConsulStore
) -> None:
    """Found by bin/simulate (safety, seed 6057474): whoever had not seen the newer term could have taken that lease."""
    mine = holder(store)
    put_back(consul, store, value("b", seq=7), mine)
    before = consul.entry(key_of(store))
    assert store.release(mine, value(state=LeaseState.RELEASED)).kind is Kind.UNKNOWN, "it is not as it was written"
    refused(store.release(mine, value(state=LeaseState.RELEASED)), "with a record of 'b'")
    assert consul.entry(key_of(store)) == before


def test_also_of_a_process_that_wrote_nothing_yet(consul: RealConsul, store: ConsulStore) -> None:
    mine = holder(store)
    after_a_crash = a_store(consul.url, store.account_id, TIMEOUT_MS)
    put_back(consul, store, value("b", seq=7), mine)
    refused(after_a_crash.release(mine, value(state=LeaseState.RELEASED)), "with a record of 'b'")


@pytest.mark.parametrize("scribbled", [True, False], ids=["what nobody has signed", "its own record"])
def test_a_process_that_wrote_nothing_yet_goes_by_the_last_heartbeat(
    consul: RealConsul, store: ConsulStore, scribbled: bool
) -> None:
    """Found by bin/simulate (safety, seed 9052737): it came back after another one had taken over."""
    mine, other = holder(store), session(store, "b")
    rival = a_store(consul.url, store.account_id, TIMEOUT_MS)
    assert acquire(rival, How.TAKEOVER, index(rival), other, value("b")).kind is Kind.YES
    if scribbled:
        consul.ask("PUT", f"/v1/kv/{key_of(store)}?release={other}", "scribble")
        consul.ask("PUT", f"/v1/kv/{key_of(store)}?acquire={mine}", "scribble")
    else:
        put_back(consul, store, value(seq=1), mine)
    before = consul.entry(key_of(store))
    after_a_crash = a_store(consul.url, store.account_id, TIMEOUT_MS)
    refused(after_a_crash.release(mine, value(state=LeaseState.RELEASED)), "has put the lock back")
    refused(after_a_crash.heartbeat(mine, value(seq=2)), "has put the lock back")
    assert consul.entry(key_of(store)) == before


def test_nor_does_a_heartbeat(consul: RealConsul, store: ConsulStore) -> None:
    """A node that waits to sign, and was cut off until somebody else has the lease, would hold it again."""
    mine = holder(store)
    put_back(consul, store, value("b", seq=7), mine)
    before = consul.entry(key_of(store))
    assert store.heartbeat(mine, value(seq=2)).kind is Kind.UNKNOWN
    refused(store.heartbeat(mine, value(seq=2)), "with a record of 'b'")
    assert consul.entry(key_of(store)) == before


def test_a_record_that_somebody_has_only_written_over_costs_no_lease(consul: RealConsul, store: ConsulStore) -> None:
    """The lock was this node's all the time: whatever the record says, nobody else has held it."""
    mine = holder(store)
    consul.ask("PUT", f"/v1/kv/{key_of(store)}", "scribble")
    assert store.release(mine, value(state=LeaseState.RELEASED)).kind is Kind.UNKNOWN
    assert store.release(mine, value(state=LeaseState.RELEASED)).kind is Kind.YES


def test_nor_on_its_own_record_once_somebody_has_taken_over(consul: RealConsul, store: ConsulStore) -> None:
    mine, other = holder(store), session(store, "b")
    rival = a_store(consul.url, store.account_id, TIMEOUT_MS)
    assert acquire(rival, How.TAKEOVER, index(rival), other, value("b")).kind is Kind.YES
    put_back(consul, store, value(seq=1), mine)
    assert store.release(mine, value(state=LeaseState.RELEASED)).kind is Kind.UNKNOWN
    refused(store.release(mine, value(state=LeaseState.RELEASED)), "has put the lock back")


def test_where_an_answer_was_lost_its_own_record_is_found(consul: RealConsul, store: ConsulStore) -> None:
    mine = holder(store)
    assert a_store(consul.url, store.account_id, TIMEOUT_MS).heartbeat(mine, value(seq=2)).kind is Kind.YES
    assert store.release(mine, value(state=LeaseState.RELEASED, seq=3)).kind is Kind.UNKNOWN
    assert store.release(mine, value(state=LeaseState.RELEASED, seq=3)).kind is Kind.YES
    seen = store.look(0, 1_000)[1]
    assert seen.released
    assert seen.session is None
