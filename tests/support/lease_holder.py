"""What the tests of the adapter to Consul write into a lease, and how they come to hold one."""

from __future__ import annotations

from collections.abc import Callable

from near_ha.records import consul_keys
from near_ha.records.lease_record import LeaseRecord, LeaseState
from near_ha.records.member_record import Member
from near_supervisor.core.facts.answer import Answer, Kind
from near_supervisor.core.facts.key_lock import KeySeen
from near_supervisor.core.facts.lease_view import How
from near_supervisor.io.consul_store import ConsulStore

TIMEOUT_MS = 2_000
TTL_MS = 10_000
LOCK_DELAY_MS = 2_000
NO_SESSION = "00000000-0000-0000-0000-000000000000"


def key_of(store: ConsulStore) -> str:
    """The lease's key."""
    return consul_keys.leader(store.account_id)


def value(node: str = "a", state: LeaseState = LeaseState.VALIDATING, seq: int = 1) -> str:
    """A record, as it is stored."""
    return LeaseRecord(node, f"host-{node}", state, 10_000, 1, seq, 100, "ed25519:KEY").to_json()


def vacant() -> str:
    """The record of nobody."""
    return value("", state=LeaseState.VACANT)


def member(instance: str, ready: bool = False) -> Member:
    """The member record of node a."""
    return Member("a", f"host-{instance}", instance, "Voting", ready, "", 7, 10_000, "ed25519:KEY")


def session(store: ConsulStore, name: str = "a", lock_delay_ms: int = 0) -> str:
    """A session that holds nothing."""
    return store.create_session(name, TTL_MS, lock_delay_ms)


def holder(store: ConsulStore, name: str = "a", lock_delay_ms: int = 0) -> str:
    """A session that holds the lease."""
    mine = session(store, name, lock_delay_ms)
    assert store.note_vacancy(vacant(), store.look(0, 1_000)[1].kept_index).kind is Kind.YES
    assert acquire(store, How.TAKEOVER, index(store), mine, value(name)).kind is Kind.YES
    return mine


def acquire(store: ConsulStore, how: How, at: int | None, mine: str, record: str) -> Answer:
    """Try it as a node does that sees the lock of the validator key as it is now."""
    return store.acquire(how, at, mine, record, key_seen(store).index)


def key_seen(store: ConsulStore) -> KeySeen:
    """What a node sees of that lock."""
    seen = store.look(0, 1_000)[1].key
    assert seen is not None
    return seen


def index(store: ConsulStore) -> int:
    """Where the lease's record is now; there has to be one."""
    found = store.look(0, 1_000)[1].index
    assert found is not None
    return found


def seq(store: ConsulStore) -> int:
    """The number of the record's last write."""
    record = store.look(0, 1_000)[1].record
    assert record is not None
    return record.seq


def refused(said: Answer, words: str) -> None:
    """The answer is no, with these words."""
    assert said.kind is Kind.NO, said
    assert words in said.reason


CHANGES: dict[str, Callable[[ConsulStore], Answer]] = {
    "heartbeat": lambda store: store.heartbeat(NO_SESSION, value()),
    "release": lambda store: store.release(NO_SESSION, value()),
    "vacancy": lambda store: store.note_vacancy(value(), None),
    "released": lambda store: store.acquire(How.RELEASED, 7, NO_SESSION, value()),
    "takeover": lambda store: store.acquire(How.TAKEOVER, 7, NO_SESSION, value()),
}
"""What is asked of the lease, by a session that is none."""
