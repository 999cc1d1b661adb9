"""A supervisor that comes back with other settings over a signer that goes on: the record covers what the guard has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from near_ha.records.lease_record import LeaseState
from near_ha.records.states import State
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.conditions import saved_state
from near_supervisor.core.facts import heads, lease, lease_view
from near_supervisor.core.facts.answer import YES
from near_supervisor.core.facts.lease_view import Seen
from near_supervisor.core.facts.model import Node
from near_supervisor.core.facts.settings import Strategy
from near_supervisor.io.exporter import exposition
from near_supervisor.snapshot import Snapshot
from support.core_play import SETTINGS, UNKNOWN, D, Play, held, record

LONG = 6 * D
AHEAD = 45_000


def resumed(ahead: int = AHEAD, **settings: object) -> tuple[Play, cmd.Heartbeat]:
    """The signer of a lease of 60 s, taken up by a supervisor with D, and its first heartbeat."""
    crashed = Play(Node(replace(SETTINGS, lease_ms=LONG))).to_validating()
    kept = [command.memory for _, command in crashed.log if isinstance(command, cmd.SaveState)][-1]
    play = Play(Node(replace(SETTINGS, **settings)), now=crashed.now, height=crashed.height)  # type: ignore[arg-type]
    play.do(ev.Tick())
    beat = play.one(cmd.Heartbeat, play.do(ev.GuardReady(200, True, play.now + ahead, kept)))
    assert isinstance(beat, cmd.Heartbeat)
    return play, beat


def outlasts(play: Play, beat: cmd.Heartbeat, deadline: int) -> bool:
    """Does whoever reads that record, and waits it out on a clock that is 1 % fast, wait for the deadline?"""
    return beat.at + beat.record.lease_ms * 98 // 100 >= deadline + lease.KILL_SLACK_MS


def test_the_record_of_a_lowered_lease_covers_the_deadline_that_the_guard_has() -> None:
    play, beat = resumed()
    deadline = play.now + AHEAD
    assert outlasts(play, beat, deadline)
    play.poll(target=play.height + 2, head_age_ms=0)
    play.do(ev.HeartbeatAnswered(beat.record.term, beat.at, UNKNOWN))
    again = play.one(cmd.Heartbeat, play.wait(1_000))
    assert isinstance(again, cmd.Heartbeat)
    # Heights that it gives up if no block comes.
    assert again.record.height == play.height + 1 + heads.skips(AHEAD + lease.KILL_SLACK_MS, SETTINGS.skip_ms)


def test_nor_does_an_answer_that_is_lost_change_what_it_covers() -> None:
    play, beat = resumed()
    deadline = play.now + AHEAD
    for _ in range(8):
        play.do(ev.HeartbeatAnswered(beat.record.term, beat.at, UNKNOWN))
        out = play.wait(1_000)
        found = play.one(cmd.Heartbeat, out)
        assert isinstance(found, cmd.Heartbeat)
        beat = found
        assert outlasts(play, beat, deadline)


def test_a_yes_does_not_take_back_what_the_longer_lease_has_bought_and_the_shorter_one_follows() -> None:
    play, _beat = resumed()
    deadline = play.now + AHEAD
    for second in range(AHEAD // 1_000):
        out = play.heartbeat() + play.wait(1_000) + play.poll(target=play.height + 2)
        moved = [one.deadline for one in out if isinstance(one, cmd.MoveDeadline)]
        assert all(one >= deadline for one in moved), second
    assert play.node.leadership is not None
    assert play.node.leadership.deadline is not None
    beats = [one for _, one in play.log if isinstance(one, cmd.Heartbeat)]
    assert [one.record.lease_ms for one in beats] == sorted((one.record.lease_ms for one in beats), reverse=True)
    assert beats[-1].record.lease_ms == D


def test_a_raised_lease_is_in_the_first_record() -> None:
    _play, beat = resumed(ahead=D // 2, lease_ms=2 * LONG)
    assert beat.record.lease_ms == 2 * LONG


def test_an_unchanged_lease_is_named_as_it_is() -> None:
    _play, beat = resumed(ahead=lease.hold_until(0, LONG) - 1, lease_ms=LONG)
    assert beat.record.lease_ms == LONG


# --- other settings that may change under a running signer


def test_the_heights_that_a_signer_gives_up_are_those_of_the_config_that_it_has_read() -> None:
    """It gives them up sooner than a configuration says that was made slower since."""
    play, beat = resumed(skip_ms=5 * SETTINGS.skip_ms)
    play.poll(target=play.height + 2, head_age_ms=0)
    play.do(ev.HeartbeatAnswered(beat.record.term, beat.at, UNKNOWN))
    again = play.one(cmd.Heartbeat, play.wait(1_000))
    assert isinstance(again, cmd.Heartbeat)
    assert again.record.height == play.height + 1 + heads.skips(AHEAD + lease.KILL_SLACK_MS, SETTINGS.skip_ms)
    [kept] = saved_state.save(play.node, answered=True)[1]
    assert isinstance(kept, cmd.SaveState)
    assert kept.memory.skip_ms == SETTINGS.skip_ms, "so that the process after this one knows, too"


def test_or_of_the_new_one_where_that_is_faster() -> None:
    play, beat = resumed(skip_ms=SETTINGS.skip_ms // 2)
    play.poll(target=play.height + 2, head_age_ms=0)
    play.do(ev.HeartbeatAnswered(beat.record.term, beat.at, UNKNOWN))
    again = play.one(cmd.Heartbeat, play.wait(1_000))
    assert isinstance(again, cmd.Heartbeat)
    assert again.record.height == play.height + 1 + heads.skips(AHEAD + lease.KILL_SLACK_MS, SETTINGS.skip_ms // 2)


@pytest.mark.parametrize(
    "settings",
    [{"strategy": Strategy.HOT}, {"strategy": Strategy.AUTO}, {"block_time_ms": 1_300}, {"priority": 0}],
    ids=["hot", "auto", "block time", "priority"],
)
def test_what_says_how_and_when_a_role_changes_leaves_a_signer_as_it_is(settings: dict[str, object]) -> None:
    play, _beat = resumed(**settings)  # type: ignore[arg-type]
    play.heartbeat()
    for _ in range(3):
        out = play.wait(1_000) + play.poll(target=play.height + 2) + play.heartbeat()
        assert not [one for one in out if isinstance(one, (cmd.KillNeard, cmd.StopNeard, cmd.DisarmNeard))]
    assert play.node.state is State.VALIDATING
    assert play.node.leadership is not None
    assert play.node.leadership.term == 8


# --- what is remembered of a lease


def standby_that_saw(*seen: Seen) -> Play:
    play = Play().to_voting()
    for one in seen:
        play.do(ev.LeaseSeen(one), after=100)
    return play


@pytest.mark.parametrize(
    ("seen", "remembered"),
    [
        ([held(50, lease_ms=LONG)], LONG),
        ([held(50, lease_ms=LONG), held(51)], LONG),
        ([held(50, lease_ms=LONG), held(51, term=6)], LONG),
        ([held(50, lease_ms=LONG), Seen(51, record(node_id="", state=LeaseState.VACANT, term=9), "", None)], LONG),
    ],
    ids=["seen", "a shorter one since", "an older term says nothing", "nor does a vacancy"],
)
def test_the_longest_lease_of_a_holder_is_remembered(seen: list[Seen], remembered: int) -> None:
    assert standby_that_saw(*seen).node.believed.lease_ms == remembered


def test_a_takeover_after_a_lowered_lease_takes_the_lowered_one() -> None:
    play = standby_that_saw(held(50, lease_ms=LONG), held(51))
    assert play.one(cmd.Acquire, play.wait(D - 1)) is None
    for _ in range(3):
        play.poll()
        if found := play.one(cmd.Acquire, play.wait(1_000)):
            break
    assert found


def test_a_holder_that_was_never_seen_has_the_longest_lease_that_was() -> None:
    """Leases differ. The one with the longer lease held again, and an old record of its was put back over that."""
    old = held(50, lease_ms=LONG)
    play = standby_that_saw(old, held(60, node_id="a", hostname="host-a", term=9), replace(old, index=70))
    assert play.node.candidate.watch is not None
    assert play.node.candidate.watch.seen.claim is not None
    assert (
        lease_view.opens_at(play.node.candidate.watch, play.node.settings, play.node.believed.lease_ms)
        == play.now + LONG
    )


# --- a Consul that is slow


@pytest.mark.parametrize(("took", "warned"), [(D // 4, False), (D // 4 + 1, True)])
def test_a_heartbeat_that_takes_a_part_of_the_lease_is_warned_about(took: int, warned: bool) -> None:
    play = Play().to_validating()
    sent_at = play.now
    for _ in range(3):
        play.do(ev.HeartbeatAnswered(play.node.last_term, sent_at, YES), after=took)
        sent_at = play.now
    assert ("a heartbeat took 2.50 s of a lease of 10 s" in play.said()) is warned
    assert play.said().count("a heartbeat took") <= 1
    assert Snapshot(play.node, play.now, 0).status()["consul"]["heartbeat_ms"] == took
    seconds = f"near_supervisor_heartbeat_seconds {took / 1000:g}"
    assert seconds in exposition(lambda: Snapshot(play.node, play.now, 0))


@pytest.mark.parametrize("latency", [0, D // 10, D // 10 + 20, D * 35 // 100])
def test_a_consul_that_takes_a_third_of_the_lease_for_each_answer_costs_no_signature(latency: int) -> None:
    """Each is asked after the last was answered, and counts from when it was sent."""
    assert latency < lease.request_timeout_ms(D)
    play = Play().to_validating()
    pending = play.now
    for _ in range(40):
        answered = play.do(
            ev.HeartbeatAnswered(play.node.last_term, pending, YES), after=max(1, pending + latency - play.now)
        )
        beat = play.one(cmd.Heartbeat, answered) or play.one(cmd.Heartbeat, play.wait(D // 10))
        assert isinstance(beat, cmd.Heartbeat)
        pending = beat.at
        play.poll(target=play.height + 2)
        assert play.node.leadership is not None
        assert play.node.leadership.deadline is not None
        assert play.node.leadership.deadline - play.now > D // 20
    assert not any(isinstance(one, cmd.KillNeard) for _, one in play.log)


def test_one_lost_request_costs_no_signature() -> None:
    play = Play().to_validating()
    play.heartbeat()
    deadline = play.node.leadership.deadline if play.node.leadership else None
    assert deadline is not None
    lost = play.one(cmd.Heartbeat, play.wait(D // 10))
    assert lost
    play.do(ev.HeartbeatAnswered(play.node.last_term, play.now, UNKNOWN), after=lease.request_timeout_ms(D))
    assert play.one(cmd.Heartbeat, play.wait(D // 10))
    assert play.now + D * 2 // 10 <= deadline, "there is time for the next one"


def test_a_raised_lease_does_not_let_the_session_of_a_shorter_one_run_out() -> None:
    """Found by bin/simulate (harsh, seed 207874): renewed at half of the new lease, it was gone before."""
    play, _ = resumed(lease_ms=4 * LONG)
    assert play.node.session is not None
    out = play.do(ev.SessionRenewed(play.node.session.id, play.now, YES))
    assert not play.one(cmd.RenewSession, out)
    out = play.wait(lease.SHORTEST_TTL_MS // 2)
    assert play.one(cmd.RenewSession, out)
