"""From standby to signer: what the core does, and above all what it does not do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.facts import lease
from near_supervisor.core.facts.answer import YES
from near_supervisor.core.facts.lease_view import How
from near_supervisor.core.rules.neard import IN_THE_WAY_MS
from support.core_play import NO, UNKNOWN, D, Play, held, released, sample

EXIT = ev.NeardExited(200, "signal 9 (SIGKILL)")


def test_the_first_start_shows_the_states_that_kuutamod_showed() -> None:
    play = Play().to_voting()
    expected = ["Startup -> Syncing", "Syncing -> Registering", "Registering -> Voting"]
    assert [line[15:] for line in play.said().splitlines() if line.startswith("state changed")] == expected


def test_a_released_lease_is_acquired_at_once_and_at_the_index_that_was_read() -> None:
    play = Play().to_voting()
    acquire = play.one(cmd.Acquire, play.do(ev.LeaseSeen(released())))
    assert isinstance(acquire, cmd.Acquire)
    assert (acquire.how, acquire.index, acquire.session) == (How.RELEASED, 50, "session-a")
    assert (acquire.record.term, acquire.record.height) == (8, 100)


def test_a_silent_holder_is_waited_out_for_a_whole_lease() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(held()))
    assert not play.one(cmd.Acquire, play.wait(D - 1))
    play.poll()
    assert play.one(cmd.Acquire, play.wait(10))


def test_rule_4_nothing_is_armed_before_a_heartbeat_of_the_new_term_has_succeeded() -> None:
    play = Play().to_leadership()
    play.poll()
    for answer in (UNKNOWN, UNKNOWN):
        assert not play.one(cmd.StopNeard, play.heartbeat(answer))
    assert play.one(cmd.StopNeard, play.heartbeat())


def test_the_standby_has_ended_before_neard_starts_with_the_key() -> None:
    play = Play().to_leadership()
    assert not play.one(cmd.StartNeard, play.heartbeat())
    assert not play.one(cmd.StartNeard, play.wait(500))
    start = play.one(cmd.StartNeard, play.do(ev.NeardExited(100, "exit code 0")))
    assert isinstance(start, cmd.StartNeard)
    assert start.armed
    assert start.deadline is not None
    assert start.deadline > play.now


def test_neard_is_not_armed_when_the_deadline_has_come_too_near_while_the_standby_stopped() -> None:
    play = Play().to_leadership()
    play.heartbeat()
    play.wait(D)
    assert not play.one(cmd.StartNeard, play.do(ev.NeardExited(100, "exit code 0")))
    assert play.one(cmd.StartNeard, play.heartbeat())


def test_rule_1_the_deadline_counts_from_when_the_heartbeat_was_sent() -> None:
    play = Play().to_validating()
    sent_at = play.now
    play.now += 700
    move = play.one(cmd.MoveDeadline, play.do(ev.HeartbeatAnswered(8, sent_at, YES)))
    assert move == cmd.MoveDeadline(lease.hold_until(sent_at, D))


def test_rule_1_not_knowing_never_moves_the_deadline() -> None:
    play = Play().to_validating()
    out = play.heartbeat(UNKNOWN)
    assert not play.one(cmd.MoveDeadline, out)
    assert not play.one(cmd.KillNeard, out)


def test_rule_1_a_no_kills_at_once() -> None:
    play = Play().to_validating()
    assert play.one(cmd.KillNeard, play.heartbeat(NO))
    assert not play.one(cmd.Release, play.do(EXIT)), "there is nothing left to release"


def test_a_session_that_consul_does_not_know_any_more_is_a_no_too() -> None:
    play = Play().to_validating()
    assert play.one(cmd.KillNeard, play.do(ev.SessionRenewed("session-a", play.now, NO)))


def test_rule_1_the_deadline_kills_and_the_lease_goes_back_when_consul_returns() -> None:
    play = Play().to_validating()
    play.heartbeat()
    deadline = play.node.leadership.deadline if play.node.leadership else 0
    assert not play.one(cmd.KillNeard, play.wait(deadline - play.now - 1) if deadline else [])
    assert play.one(cmd.KillNeard, play.wait(2))
    assert play.one(cmd.Release, play.do(EXIT))
    play.do(ev.ReleaseAnswered(UNKNOWN))
    assert play.one(cmd.Release, play.wait(D // 10 + 10)), "it is asked again"


def test_an_acquisition_whose_answer_got_lost_is_adopted_when_it_is_seen() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(released()))
    play.do(ev.AcquireAnswered(UNKNOWN))
    mine = replace(held(51, node_id="a", hostname="host-a", term=8), session="session-a")
    assert play.one(cmd.Heartbeat, play.do(ev.LeaseSeen(mine)))


def test_a_lock_of_our_own_session_that_we_did_not_ask_for_is_waited_out_like_any_other() -> None:
    play = Play().to_voting()
    mine = replace(held(51, node_id="a", hostname="host-a", term=8), session="session-a")
    play.do(ev.LeaseSeen(mine))
    assert play.node.leadership is None


@pytest.mark.parametrize(
    ("changes", "word", "stands"),
    [
        ({"validator_public_key": "ed25519:OTHER"}, "validator key differs", False),
        ({"lease_ms": 2 * D}, "lease differs", True),
    ],
)
def test_a_mismatch_with_the_holder_is_said_with_both_values(
    changes: dict[str, object], word: str, stands: bool
) -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(held(50, **changes)))
    assert word in play.said()
    play.wait(2 * D - 1)
    play.poll()
    assert bool(play.one(cmd.Acquire, play.wait(20))) is stands


def test_the_lease_counts_from_when_the_core_asked_for_the_heartbeat() -> None:
    """Its height is computed for a deadline that counts from then: one cannot be later than the other."""
    play = Play().to_validating()
    play.heartbeat()
    beat = play.one(cmd.Heartbeat, play.wait(D // 10))
    assert isinstance(beat, cmd.Heartbeat)
    assert beat.at <= play.now


def test_the_answer_of_an_earlier_neard_is_not_taken_for_the_signers() -> None:
    play = Play().to_leadership()
    play.heartbeat()
    play.do(ev.NeardExited(100, "exit code 0"))
    play.do(ev.NeardStarted(200, armed=True))
    play.do(ev.Polled(100, play.now, sample(play.height)))
    assert play.node.neard is not None
    assert not play.node.neard.answered


def test_an_acquisition_that_was_seen_before_its_answer_got_lost_is_adopted_at_once() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(released()))
    play.do(ev.LeaseSeen(replace(held(51, node_id="a", hostname="host-a", term=8), session="session-a")))
    assert play.one(cmd.Heartbeat, play.do(ev.AcquireAnswered(UNKNOWN)))


def test_an_attempt_that_the_record_has_left_behind_is_never_adopted() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(released()))
    play.do(ev.AcquireAnswered(UNKNOWN))
    play.do(ev.LeaseSeen(held(52)))
    play.do(ev.LeaseSeen(replace(held(53, node_id="a", hostname="host-a", term=8), session="session-a")))
    assert play.node.leadership is None


def test_nobody_waits_for_the_slow_end_of_a_neard_that_is_in_the_way() -> None:
    """Neither whoever is to sign, nor whoever is to take over from a signer that cannot give its key up."""
    play = Play().to_validating()
    play.do(ev.StopAsked("SIGTERM"))
    stops = [each.patience_ms for _, each in play.log if isinstance(each, cmd.StopNeard)]
    assert stops == [IN_THE_WAY_MS, IN_THE_WAY_MS]


def test_a_standby_that_nobody_waits_for_has_all_its_time() -> None:
    play = Play().to_voting()
    stopped = play.one(cmd.StopNeard, play.do(ev.StopAsked("SIGTERM")))
    assert isinstance(stopped, cmd.StopNeard)
    assert stopped.patience_ms is None


@pytest.mark.parametrize(("key", "killed"), [("ed25519:OTHER", True), ("ed25519:KEY", False), ("", False)])
def test_a_signer_that_shows_another_key_than_it_was_given_is_killed_and_the_lease_given_back(
    key: str, killed: bool
) -> None:
    play = Play().to_validating()
    out = play.poll(key=key, shows_key=True)
    assert bool(play.one(cmd.KillNeard, out)) is killed
    assert ("shows the validator key ed25519:OTHER, and not ed25519:KEY" in play.said()) is killed
    assert bool(play.one(cmd.Release, play.do(ev.NeardExited(200, "signal 9 (SIGKILL)"))))
