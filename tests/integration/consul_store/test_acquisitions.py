"""Acquisition, after a release or from a silent holder: its transactions, and each way they are refused."""

from __future__ import annotations

import pytest

from near_ha.records.lease_record import LeaseState
from near_supervisor.core.facts.answer import Kind
from near_supervisor.core.facts.lease_view import How
from near_supervisor.io.consul_store import ConsulStore
from support.lease_holder import NO_SESSION, acquire, holder, index, key_of, refused, session, vacant, value
from support.real_consul import RealConsul

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("how", [How.RELEASED, How.TAKEOVER])
@pytest.mark.parametrize("dead", [NO_SESSION, "no uuid at all", ""])
def test_a_dead_session_acquires_nothing(consul: RealConsul, store: ConsulStore, how: How, dead: str) -> None:
    mine = holder(store)
    if how is How.RELEASED:
        store.release(mine, value(state=LeaseState.RELEASED))
    seen = index(store)
    before = consul.entry(key_of(store))
    assert acquire(store, how, seen, dead, value("b")).kind is not Kind.YES
    assert consul.entry(key_of(store)) == before, "a failed transaction changes nothing, not even in its first half"


def test_released_takes_a_lease_that_was_given_back(store: ConsulStore) -> None:
    mine, other = holder(store), session(store, "b")
    assert store.release(mine, value(state=LeaseState.RELEASED)).kind is Kind.YES
    assert acquire(store, How.RELEASED, index(store), other, value("b")).kind is Kind.YES
    assert store.look(0, 1_000)[1].session == other


def test_released_is_refused_at_an_older_index(store: ConsulStore) -> None:
    mine, first, second = holder(store), session(store, "b"), session(store, "c")
    store.release(mine, value(state=LeaseState.RELEASED))
    seen = index(store)
    assert acquire(store, How.RELEASED, seen, first, value("b")).kind is Kind.YES
    refused(acquire(store, How.RELEASED, seen, second, value("c")), "index")
    assert store.release(first, value("b", LeaseState.RELEASED)).kind is Kind.YES
    refused(acquire(store, How.RELEASED, seen, second, value("c")), "index")


def test_released_is_refused_where_the_key_is_gone(store: ConsulStore) -> None:
    refused(acquire(store, How.RELEASED, 5, session(store), value()), "")


def test_takeover_takes_a_lease_from_a_silent_holder(store: ConsulStore) -> None:
    mine, other = holder(store), session(store, "b")
    assert acquire(store, How.TAKEOVER, index(store), other, value("b")).kind is Kind.YES
    seen = store.look(0, 1_000)[1]
    assert (seen.session, seen.holder) == (other, "b")
    refused(store.heartbeat(mine, value()), "failed session check")
    refused(store.release(mine, value(state=LeaseState.RELEASED)), "failed session check")
    assert store.look(0, 1_000)[1] == seen


def test_takeover_is_refused_after_one_more_heartbeat(store: ConsulStore) -> None:
    mine, other = holder(store), session(store, "b")
    seen = index(store)
    assert store.heartbeat(mine, value(seq=2)).kind is Kind.YES
    refused(acquire(store, How.TAKEOVER, seen, other, value("b")), "index is stale")
    assert store.heartbeat(mine, value(seq=3)).kind is Kind.YES


def test_takeover_is_refused_to_the_second_of_two(store: ConsulStore) -> None:
    holder(store)
    seen, first, second = index(store), session(store, "b"), session(store, "c")
    assert acquire(store, How.TAKEOVER, seen, first, value("b")).kind is Kind.YES
    refused(acquire(store, How.TAKEOVER, seen, second, value("c")), "index is stale")


def test_takeover_of_a_key_that_was_deleted_takes_nothing_from_a_newer_holder(
    consul: RealConsul, store: ConsulStore
) -> None:
    holder(store)
    seen = index(store)
    consul.ask("DELETE", f"/v1/kv/{key_of(store)}")
    newer = holder(store, "b")
    refused(acquire(store, How.TAKEOVER, seen, session(store, "c"), value("c")), "index is stale")
    assert store.heartbeat(newer, value("b")).kind is Kind.YES


def test_a_takeover_of_a_key_that_was_deleted_is_refused(consul: RealConsul, store: ConsulStore) -> None:
    """A delete-cas alone succeeds where there is no key: the record may have been another's in between."""
    holder(store)
    seen = index(store)
    consul.ask("DELETE", f"/v1/kv/{key_of(store)}")
    refused(acquire(store, How.TAKEOVER, seen, session(store, "b"), value("b")), "")
    assert store.look(0, 1_000)[1].index is None


def test_a_doubled_acquisition_does_no_harm(store: ConsulStore) -> None:
    mine = session(store)
    store.note_vacancy(vacant(), None)
    seen = index(store)
    assert acquire(store, How.TAKEOVER, seen, mine, value()).kind is Kind.YES
    refused(acquire(store, How.TAKEOVER, seen, mine, value(seq=2)), "index")
    assert store.heartbeat(mine, value(seq=3)).kind is Kind.YES
