"""Sessions, and what is read of the lease."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from time import monotonic
from typing import Any

import pytest

from near_ha.records.lease_record import LeaseState
from near_supervisor.core.facts.answer import Kind
from near_supervisor.core.facts.lease_view import How
from near_supervisor.io.consul_store import ConsulStore
from support.lease_holder import LOCK_DELAY_MS, NO_SESSION, acquire, holder, index, key_of, refused, session, value
from support.real_consul import RealConsul
from support.records import KEY, a_store
from support.waiting import took_s, until

pytestmark = pytest.mark.integration


# --- the session


def test_a_session_hangs_on_nothing_but_its_ttl(consul: RealConsul, store: ConsulStore) -> None:
    found = consul.session(store.create_session("validator-a", 10_000, 10_000))
    assert found is not None
    assert found["Name"] == "validator-a"
    assert not found.get("NodeChecks"), "bound to the gossip layer"
    assert not found.get("ServiceChecks")
    assert not found.get("Checks")
    assert (found["TTL"], found["LockDelay"], found["Behavior"]) == ("10s", 10_000_000_000, "release")


@pytest.mark.parametrize(("given_ms", "ttl", "lock_delay_s"), [
    ((10_001, 2_000), "11s", 2), ((15_000, 15_000), "15s", 15), ((60_500, 2_500), "61s", 3),
])  # fmt: skip
def test_parts_of_seconds_are_rounded_up(
    consul: RealConsul, store: ConsulStore, given_ms: tuple[int, int], ttl: str, lock_delay_s: int
) -> None:
    found = consul.session(store.create_session("a", *given_ms))
    assert found is not None
    assert (found["TTL"], found["LockDelay"]) == (ttl, lock_delay_s * 1_000_000_000)


def test_renewing_is_yes_while_it_lives_and_no_afterwards(store: ConsulStore) -> None:
    mine = session(store)
    assert store.renew_session(mine).kind is Kind.YES
    store.destroy_session(mine)
    refused(store.renew_session(mine), mine)
    store.destroy_session(mine)
    refused(store.renew_session(NO_SESSION), NO_SESSION)


def test_a_destroyed_session_leaves_its_record_and_delays_the_next_lock(consul: RealConsul, store: ConsulStore) -> None:
    mine, other = holder(store, lock_delay_ms=LOCK_DELAY_MS), session(store, "b")
    began = monotonic()
    consul.destroy(mine)
    seen = store.look(0, 1_000)[1]
    assert (seen.holder, seen.session) == ("a", None)
    assert not seen.released, "only its holder can say that it is released"
    refused(acquire(store, How.TAKEOVER, seen.index, other, value("b")), "")
    took = until(
        "the lock delay ends", lambda: acquire(store, How.TAKEOVER, index(store), other, value("b")).kind is Kind.YES
    )
    assert took
    assert monotonic() - began >= LOCK_DELAY_MS / 1000 - 0.1


# --- reading


def test_what_is_read_of_each_kind_of_record(consul: RealConsul, store: ConsulStore) -> None:
    assert store.look(0, 1_000)[1].index is None
    consul.ask("PUT", f"/v1/kv/{key_of(store)}", {"NodeId": "old-one", "Hostname": "host"})
    seen = store.look(0, 1_000)[1]
    assert (seen.record, seen.holder, seen.session) == (None, "old-one", None)
    consul.ask("PUT", f"/v1/kv/{key_of(store)}", ["garbage"])
    assert store.look(0, 1_000)[1].record is None
    consul.ask("PUT", f"/v1/kv/{key_of(store)}", json.loads(value()))
    seen = store.look(0, 1_000)[1]
    assert (seen.record, seen.holder) == (None, "a"), "no member has signed it"
    assert seen.claim is not None
    consul.ask("PUT", f"/v1/kv/{key_of(store)}", json.loads(KEY.sealed(key_of(store), value())))
    seen = store.look(0, 1_000)[1]
    assert (seen.claim, seen.holder) == (None, "a")
    assert seen.record is not None


def test_a_look_wakes_on_a_release_and_not_before(store: ConsulStore) -> None:
    mine = holder(store)
    at, _ = store.look(0, 1_000)
    seen: list[Any] = []
    other = a_store(f"http://{_host(store)}", store.account_id, 10_000)
    waiting = threading.Thread(target=lambda: seen.append((other.look(at, 8_000), monotonic())))
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive(), "it returned without a change"
    released_at = monotonic()
    store.release(mine, value(state=LeaseState.RELEASED))
    waiting.join(5)
    assert not waiting.is_alive()
    (answered, found), woke_at = seen[0]
    assert answered > at
    assert found.released
    assert woke_at - released_at < 1


def test_a_look_ends_after_its_wait_without_a_change(store: ConsulStore) -> None:
    holder(store)
    at, before = store.look(0, 1_000)
    assert took_s(lambda: store.look(at, 500)) < 2
    assert store.look(at, 500) == (at, replace(before, kept=None, kept_index=None))


def _host(store: ConsulStore) -> str:
    client = store._clients[0]
    return f"{client.http.host}:{client.http.port}"
