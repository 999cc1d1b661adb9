"""What somebody without the key writes to a real Consul: a claim, which the holder's next heartbeat undoes."""

from __future__ import annotations

import base64
import json

import pytest

from near_ha.keys.record_key import RecordKey
from near_ha.records import consul_keys, lease_record
from near_ha.records.lease_record import LeaseState
from near_supervisor.core.facts.answer import Kind
from near_supervisor.core.facts.lease_view import How
from near_supervisor.io.consul_store import ConsulStore
from support.lease_holder import TIMEOUT_MS, holder, index, key_of, member, session, value
from support.real_consul import RealConsul
from support.records import KEY

pytestmark = pytest.mark.integration

UNSIGNED = value("mallory", LeaseState.RELEASED, seq=10**9)


def raw(consul: RealConsul, key: str) -> str:
    """What is stored at ``key``."""
    entry = consul.entry(key)
    assert entry is not None
    return base64.b64decode(entry["Value"]).decode()


def put(consul: RealConsul, key: str, text: str, how: str = "") -> None:
    consul.ask("PUT", f"/v1/kv/{key}?{how}", json.loads(text))


@pytest.mark.parametrize(
    "signature", ["none", "another key's", "that of another account", "that of the last heartbeat"]
)
def test_a_forged_record_is_a_claim_and_the_last_heartbeat_is_read_beside_it(
    consul: RealConsul, store: ConsulStore, signature: str
) -> None:
    mine, key = holder(store), key_of(store)
    assert store.heartbeat(mine, value(seq=7)).kind is Kind.YES
    text = {
        "none": UNSIGNED,
        "another key's": RecordKey(b"mallory's").sealed(key, UNSIGNED),
        "that of another account": KEY.sealed(consul_keys.leader("another"), UNSIGNED),
        "that of the last heartbeat": KEY.sealed(consul_keys.last_heartbeat(store.account_id), UNSIGNED),
    }[signature]
    put(consul, key, text)
    seen = store.look(1, 1_000)[1]
    assert (seen.record, seen.released, seen.holder, seen.session) == (None, False, "mallory", mine)
    assert seen.claim == lease_record.parse(UNSIGNED.encode())
    assert "sign" in seen.doubt
    assert seen.kept == lease_record.parse(value(seq=7).encode())
    assert store.heartbeat(mine, value(seq=8)).kind in (Kind.YES, Kind.UNKNOWN), "it is read anew where it moved"
    assert store.heartbeat(mine, value(seq=9)).kind is Kind.YES
    assert store.look(0, 1_000)[1].record == lease_record.parse(value(seq=9).encode())


def test_a_forged_last_heartbeat_tells_nothing(consul: RealConsul, store: ConsulStore) -> None:
    mine = holder(store)
    assert store.heartbeat(mine, value(seq=7)).kind is Kind.YES
    put(consul, consul_keys.last_heartbeat(store.account_id), UNSIGNED)
    consul.ask("DELETE", f"/v1/kv/{key_of(store)}")
    seen = store.look(0, 1_000)[1]
    assert (seen.index, seen.kept) == (None, None)
    assert seen.kept_index is not None, "so that a vacancy is noted only if nothing came since"


def test_a_look_that_begins_anew_reads_the_last_heartbeat_too(consul: RealConsul, store: ConsulStore) -> None:
    """A node that remembers nothing could not tell what was put back from what is there."""
    mine, key = holder(store), key_of(store)
    old = raw(consul, key)
    seen = store.look(0, 1_000)[1]
    assert (seen.kept, seen.kept_index) == (seen.record, seen.index), "of one who has not sent a heartbeat yet, too"
    assert store.heartbeat(mine, value(seq=7)).kind is Kind.YES
    seen = store.look(0, 1_000)[1]
    assert (seen.kept, seen.kept_index) == (seen.record, seen.index), "one transaction writes both"
    put(consul, key, old)
    seen = store.look(0, 1_000)[1]
    assert (seen.claim, seen.kept) == (None, lease_record.parse(value(seq=7).encode()))
    assert seen.index is not None and seen.kept_index is not None and seen.kept_index < seen.index
    later = store.look(seen.index - 1, 1_000)[1]
    assert (later.index, later.kept) == (seen.index, seen.kept), "so does who goes on, where it has read a newer one"
    assert store.heartbeat(mine, value(seq=8)).kind in (Kind.YES, Kind.UNKNOWN), "it is read anew where it moved"
    assert store.heartbeat(mine, value(seq=9)).kind is Kind.YES
    news = store.look(later.index or 1, 1_000)[1]
    assert (news.record, news.kept) == (lease_record.parse(value(seq=9).encode()), None), "what is newer says it all"


def test_a_claim_is_taken_over_with_whatever_lock_it_bears(consul: RealConsul, store: ConsulStore) -> None:
    mallory, mine = session(store), session(store)
    put(consul, key_of(store), UNSIGNED, f"acquire={mallory}")
    assert store.acquire(How.TAKEOVER, index(store), mine, value()).kind is Kind.YES
    assert store.look(0, 1_000)[1].session == mine


def test_while_older_versions_run_what_is_not_signed_may_pass_and_what_is_signed_wrong_does_not(
    consul: RealConsul, store: ConsulStore
) -> None:
    lenient = RecordKey(b"what the members of a test's cluster have in common", accepts_unsigned=True)
    during = ConsulStore(consul.url, store.account_id, TIMEOUT_MS, lenient)
    put(consul, key_of(store), UNSIGNED)
    assert during.look(0, 1_000)[1].released, "an older version's release is taken at once, as ever"
    assert not store.look(0, 1_000)[1].released
    put(consul, key_of(store), RecordKey(b"mallory's").sealed(key_of(store), UNSIGNED))
    assert not during.look(0, 1_000)[1].released
    mine = session(during)
    assert during.acquire(How.TAKEOVER, index(store), mine, value()).kind is Kind.YES
    assert store.look(0, 1_000)[1].record is not None, "what it writes is signed"
    assert lease_record.parse(raw(consul, key_of(store)).encode()).node_id == "a", "and older versions read it"


# --- members


def test_a_member_record_that_no_member_has_signed_cannot_be_read(consul: RealConsul, store: ConsulStore) -> None:
    mallory = session(store)
    key = consul_keys.member(store.account_id, "a")
    put(consul, key, member("one", ready=True).to_json(), f"acquire={mallory}")
    [found] = store.members()
    assert (found.alive, found.record) == (True, None)


def test_a_member_record_is_of_no_use_after_its_session(consul: RealConsul, store: ConsulStore) -> None:
    """Put back under another session it would say that a host which is gone is there."""
    first, mallory = session(store), session(store)
    assert store.claim_member("a", first, member("one", ready=True)) is None
    [found] = store.members()
    assert found.record is not None
    key = consul_keys.member(store.account_id, "a")
    text = raw(consul, key)
    store.drop_member("a", first)
    put(consul, key, text, f"acquire={mallory}")
    [found] = store.members()
    assert (found.alive, found.record) == (True, None)
