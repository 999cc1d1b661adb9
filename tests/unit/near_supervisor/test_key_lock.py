"""One validator key, one lock: what a candidate may do beside a holder of another account id with the same key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from near_ha.errors import BadRecord
from near_ha.records import consul_keys, key_record, lease_record
from near_ha.records.lease_record import LeaseRecord, LeaseState
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.conditions import readiness
from near_supervisor.core.facts import key_lock, lease
from near_supervisor.core.facts.answer import YES
from near_supervisor.core.facts.key_lock import KeySeen
from near_supervisor.core.facts.lease_view import How, Seen
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
    leadership = tried.node.leadership
    assert leadership is not None
    assert leadership.floor.height >= ACCOUNTED
    assert not leadership.floor.told, "the release that was seen is not that one's"


@pytest.mark.parametrize("state", [LeaseState.VALIDATING, LeaseState.RELEASED])
def test_when_another_name_has_ended_is_told_by_the_chains_clock_too(state: LeaseState) -> None:
    """Found by the simulation (seed 4200768): a head that lagged looked as if it were made after the end."""
    tried = play(lock(session=None, state=state, chain_ms=4_000_000))
    tried.wait(D)
    tried.do(ev.AcquireAnswered(YES))
    leadership = tried.node.leadership
    assert leadership is not None
    assert leadership.floor.end is not None
    assert leadership.floor.end.chain_ms >= 4_000_000 + lease.longest_hold_ms(D)


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
    assert any(isinstance(command, cmd.MarkMissing) for _, command in waited.log)
    waited.do(ev.MissingMarked(YES))
    waited.do(ev.LeaseSeen(Seen(51, record(state=LeaseState.VACANT, node_id=""), key=KeySeen())), after=5)
    waited.wait(D)
    assert tries(waited) is not None


@pytest.mark.parametrize("session", [None, "someone"])
def test_what_cannot_be_understood_is_waited_out_like_a_kuutamod(session: str | None) -> None:
    """Under whatever lock: what goes on moves, and a scribble may be locked by anybody's session for ever."""
    waited = play(KeySeen(90, session=session, doubt="cannot be read"))
    waited.wait(lease.FOREIGN_WAIT_MS - 1)
    assert tries(waited) is None
    waited.wait(1)
    assert tries(waited) is not None


def test_what_may_not_be_read_forbids_and_is_said() -> None:
    denied = play(KeySeen(problem="Permission denied (see --consul-token-file)"))
    denied.wait(20 * D)
    assert tries(denied) is None
    assert "Permission denied" in readiness.unready(denied.node)


@pytest.mark.parametrize("seen", [lock(), KeySeen(problem="Permission denied")])
def test_time_alone_does_not_open_it(seen: KeySeen) -> None:
    assert key_lock.opens_at(key_lock.look(None, seen, SETTINGS, 3, 7), SETTINGS) is None


def test_a_holder_forgets_what_it_saw() -> None:
    holder = play(lock(account=MINE))
    holder.do(ev.AcquireAnswered(YES))
    assert holder.node.candidate.key_lock is None


def test_a_read_of_nothing_changes_nothing() -> None:
    watch = key_lock.look(None, lock(), SETTINGS, 3, 7)
    assert key_lock.look(watch, None, SETTINGS, 3, 8) is watch
    assert key_lock.look(watch, lock(), SETTINGS, 3, 8) is watch


# --- the record


def test_the_record_is_the_leaders_with_the_name() -> None:
    raw = key_record.to_json("name", theirs().to_json()).encode()
    assert key_record.parse(raw) == key_record.KeyRecord("name", theirs())
    assert lease_record.parse(raw) == theirs()


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", theirs().to_json().encode(), b'{"account_id": "a"}'])
def test_what_is_no_key_record(raw: bytes) -> None:
    with pytest.raises(BadRecord):
        key_record.parse(raw)


# --- what no member has signed


def claim(
    index: int = 90, account: str = MINE, session: str | None = None, why: str = "it is not signed", **changes: object
) -> KeySeen:
    """A release of our own name, which opens at once where a member has signed it, unless it says otherwise."""
    tempting = theirs(**{"state": LeaseState.RELEASED, "lease_ms": 1, "height": 0, "term": 10**6, **changes})
    return KeySeen(index, account, None, session, claim=tempting, doubt=why)


def then(play: Play, key: KeySeen, after: int = 0) -> None:
    play.do(ev.LeaseSeen(replace(released(), key=key)), after=after)


def waits(play: Play, wait_ms: int) -> cmd.Acquire:
    """It tries after just that time, and says that there is something that it does not believe."""
    play.wait(wait_ms - 1)
    assert tries(play) is None
    assert "record" in readiness.names(play.node)
    assert not readiness.barred(play.node)
    play.wait(1)
    acquire = tries(play)
    assert acquire is not None
    return acquire


@pytest.mark.parametrize("session", [None, "session-a", "session-x"])
@pytest.mark.parametrize("account", [MINE, THEIRS, "", "a\nb"])
@pytest.mark.parametrize("state", list(LeaseState))
def test_a_claim_opens_nothing_and_is_waited_out_whatever_it_says(
    account: str, session: str | None, state: LeaseState
) -> None:
    claimed = play(claim(account=account, session=session, state=state))
    assert waits(claimed, D).key_index == 90
    assert "it is not signed" in claimed.said()
    assert consul_keys.validator_key(SETTINGS.validator_account_id, "ed25519:KEY") in claimed.said()
    assert "a\nb" not in claimed.said()


@pytest.mark.parametrize(("claimed_ms", "wait_ms"), [(0, D), (3 * D, 3 * D), (3_600_000, lease.MAX_LEASE_MS)])
def test_its_writer_may_have_another_record_key_and_the_lease_that_it_names(claimed_ms: int, wait_ms: int) -> None:
    waits(play(claim(account=THEIRS, state=LeaseState.VALIDATING, lease_ms=claimed_ms)), wait_ms)


def test_and_as_long_as_that_one_lives_each_heartbeat_starts_the_wait_again() -> None:
    beside = play(claim(account=THEIRS, session="session-x", state=LeaseState.VALIDATING, lease_ms=D))
    for number in range(30):
        then(beside, claim(91 + number, THEIRS, "session-x", state=LeaseState.VALIDATING, lease_ms=D), after=D // 10)
    assert tries(beside) is None


def test_a_claim_hides_neither_the_lease_nor_the_heights_of_a_holder_that_was_seen() -> None:
    hidden = play(lock(lease_ms=3 * D))
    then(hidden, claim(91))
    assert waits(hidden, 3 * D).record.height == ACCOUNTED


def test_nor_does_a_lock_that_is_gone() -> None:
    hidden = play(lock(lease_ms=3 * D))
    then(hidden, KeySeen())
    hidden.wait(3 * D - 1)
    assert tries(hidden) is None
    hidden.wait(1)
    acquire = tries(hidden)
    assert acquire is not None
    assert acquire.record.height == ACCOUNTED


def test_behind_a_claim_somebody_may_have_signed_until_now() -> None:
    tried = play(claim())
    waits(tried, D)
    tried.do(ev.AcquireAnswered(YES))
    leadership = tried.node.leadership
    assert leadership is not None
    assert leadership.floor.end is not None
    assert leadership.floor.end.at == tried.now
    assert not leadership.floor.told


@pytest.mark.parametrize(
    "old",
    [
        lock(92, session=None, state=LeaseState.RELEASED, term=6),
        lock(92, session=None, state=LeaseState.RELEASED, term=7, seq=4),
        lock(92, MINE, session=None, state=LeaseState.RELEASED, term=3),
        lock(92, MINE, session="session-a", term=3),
    ],
)
def test_what_is_put_back_is_recognised_by_whoever_has_seen_later(old: KeySeen) -> None:
    """All of these would be free at once."""
    beside = play(lock(91, term=7, seq=5), released(term=3))
    beside.do(ev.LeaseSeen(replace(released(term=3), key=old)))
    assert "put back" in beside.said()
    assert waits(beside, D).record.height == ACCOUNTED


def test_what_comes_after_it_is_not() -> None:
    beside = play(lock(91, term=7, seq=5), released(term=3))
    beside.do(ev.LeaseSeen(replace(released(term=4), index=52, key=lock(92, MINE, session=None, term=4))))
    assert tries(beside) is not None
    beside = play(lock(91, term=7, seq=5))
    then(beside, lock(92, session=None, term=7, seq=6, state=LeaseState.RELEASED))
    assert tries(beside) is not None


def test_a_claim_is_gone_when_a_member_writes_again() -> None:
    beside = play(claim())
    then(beside, lock(91, MINE, session="session-a"))
    assert "record" not in readiness.names(beside.node)
    assert tries(beside) is not None
