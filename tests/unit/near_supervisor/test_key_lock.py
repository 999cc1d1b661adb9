"""One validator key, one lock: what a candidate may do beside a holder of another account id with the same key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from near_ha import key_record, lease_record
from near_ha.errors import BadRecord
from near_ha.lease_record import LeaseRecord, LeaseState
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core import key_lock, lease, readiness
from near_supervisor.core.answer import YES
from near_supervisor.core.key_lock import KeySeen
from near_supervisor.core.watch import How, Seen
from support.core_play import SETTINGS, D, Play, record, released

MINE = SETTINGS.account_id
THEIRS = "my.pool.near"
ACCOUNTED = 5_000


def theirs(**changes: object) -> LeaseRecord:
    return record(**{"node_id": "x", "hostname": "host-x", "height": ACCOUNTED, **changes})


def lock(
    index: int | None = 90, account: str = THEIRS, session: str | None = "session-x", **changes: object
) -> KeySeen:
    return KeySeen(index, account, theirs(**changes), session)


def play(key: KeySeen | None, lease_: Seen | None = None) -> Play:
    """A standby that has just seen a released lease of its own name, and this lock."""
    play = Play().to_voting()
    play.do(ev.LeaseSeen(replace(lease_ or released(), key=key)))
    return play


def tries(play: Play) -> cmd.Acquire | None:
    found = [command for _, command in play.log if isinstance(command, cmd.Acquire)]
    assert len(found) <= 1
    return found[0] if found else None


def test_beside_a_holder_of_another_name_it_never_tries_and_says_why() -> None:
    tried = play(lock())
    tried.wait(20 * D)
    assert tries(tried) is None
    (reason,) = [one for one in readiness.reasons(tried.node) if one.name == "key_lock"]
    assert reason.blocks
    for word in ("x on host host-x", THEIRS, MINE, "--account-id"):
        assert word in reason.text
    assert "key_lock" in tried.said()


@pytest.mark.parametrize("session", ["session-b", None])
@pytest.mark.parametrize("state", [LeaseState.VALIDATING, LeaseState.RELEASED])
def test_between_nodes_of_one_name_the_lease_decides_as_ever(session: str | None, state: LeaseState) -> None:
    tried = tries(play(lock(account=MINE, session=session, state=state)))
    assert tried is not None
    assert (tried.how, tried.key_index, tried.record.height) == (How.RELEASED, 90, 100)


def test_what_another_name_has_released_is_free_and_its_heights_are_signed() -> None:
    tried = play(lock(session=None, state=LeaseState.RELEASED), released(final=True))
    acquire = tries(tried)
    assert acquire is not None
    assert acquire.record.height == ACCOUNTED
    tried.do(ev.AcquireAnswered(YES))
    tenure = tried.node.tenure
    assert tenure is not None
    assert tenure.floor >= ACCOUNTED
    assert not tenure.told, "the release that was seen is not that one's"


@pytest.mark.parametrize("theirs_ms", [D // 2, D, 3 * D])
def test_a_silent_holder_of_another_name_is_waited_out(theirs_ms: int) -> None:
    waited = play(lock(session=None, lease_ms=theirs_ms))
    waited.wait(max(D, theirs_ms) - 1)
    assert tries(waited) is None
    waited.wait(1)
    acquire = tries(waited)
    assert acquire is not None
    assert acquire.record.height == ACCOUNTED


def test_each_of_its_heartbeats_starts_the_wait_again() -> None:
    waited = play(lock(session=None))
    waited.wait(D - 1)
    waited.do(ev.LeaseSeen(replace(released(), key=lock(91, session=None))))
    waited.wait(D - 1)
    assert tries(waited) is None
    waited.wait(1)
    assert tries(waited) is not None


def test_a_lock_that_is_not_there_is_waited_for_one_lease() -> None:
    """A holder that lives writes it again with each heartbeat."""
    waited = play(KeySeen())
    waited.wait(D - 1)
    assert tries(waited) is None
    waited.wait(1)
    acquire = tries(waited)
    assert acquire is not None
    assert acquire.key_index is None


def test_where_there_is_no_lease_either_both_are_waited_for_at_the_same_time() -> None:
    waited = play(KeySeen(), Seen(None))
    assert any(isinstance(command, cmd.NoteVacancy) for _, command in waited.log)
    waited.do(ev.VacancyNoted(YES))
    waited.do(ev.LeaseSeen(Seen(51, record(state=LeaseState.VACANT, node_id=""), key=KeySeen())), after=5)
    waited.wait(D)
    assert tries(waited) is not None


def test_what_cannot_be_understood_is_waited_out_like_a_kuutamod() -> None:
    assert tries(play(KeySeen(90, session="someone"))) is None
    waited = play(KeySeen(90))
    waited.wait(lease.FOREIGN_WAIT_MS - 1)
    assert tries(waited) is None
    waited.wait(1)
    assert tries(waited) is not None


def test_what_may_not_be_read_forbids_and_is_said() -> None:
    denied = play(KeySeen(problem="Permission denied (see --consul-token-file)"))
    denied.wait(20 * D)
    assert tries(denied) is None
    assert "Permission denied" in readiness.unready(denied.node)


@pytest.mark.parametrize("seen", [lock(), KeySeen(90, session="someone"), KeySeen(problem="Permission denied")])
def test_time_alone_does_not_open_it(seen: KeySeen) -> None:
    assert key_lock.opens_at(key_lock.look(None, seen, 7), SETTINGS) is None


def test_a_holder_forgets_what_it_saw() -> None:
    holder = play(lock(account=MINE))
    holder.do(ev.AcquireAnswered(YES))
    assert holder.node.key_lock is None


def test_a_read_of_nothing_changes_nothing() -> None:
    watch = key_lock.look(None, lock(), 7)
    assert key_lock.look(watch, None, 8) is watch
    assert key_lock.look(watch, lock(), 8) is watch


# --- the record


def test_the_record_is_the_leaders_with_the_name() -> None:
    raw = key_record.to_json("name", theirs().to_json()).encode()
    assert key_record.parse(raw) == key_record.KeyRecord("name", theirs())
    assert lease_record.parse(raw) == theirs()


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", theirs().to_json().encode(), b'{"account_id": "a"}'])
def test_what_is_no_key_record(raw: bytes) -> None:
    with pytest.raises(BadRecord):
        key_record.parse(raw)
