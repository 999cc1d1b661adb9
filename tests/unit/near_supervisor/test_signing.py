"""From standby to signer and back: what the core does, and above all what it does not do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from near_ha.lease_record import LeaseState
from near_ha.states import State
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core import lease
from near_supervisor.core.answer import YES
from near_supervisor.core.model import Node
from near_supervisor.core.rules_signer import HUNG_AFTER_MISSES
from near_supervisor.core.watch import How, Seen
from support.core_play import NO, SETTINGS, UNKNOWN, D, Play, held, released, sample

EXIT = ev.NeardExited(200, "signal 9 (SIGKILL)")


def vacate(play: Play) -> None:
    """The key is deleted; this node notes it and waits the vacancy out, but for the last moment."""
    note = play.one(cmd.NoteVacancy, play.do(ev.LeaseSeen(Seen(None))))
    assert isinstance(note, cmd.NoteVacancy)
    play.do(ev.VacancyNoted(YES))
    play.do(ev.LeaseSeen(Seen(70, note.record)))
    assert not play.one(cmd.Acquire, play.wait(D - 1))
    play.poll()


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
    play = Play().to_tenure()
    play.poll()
    for answer in (UNKNOWN, UNKNOWN):
        assert not play.one(cmd.StopNeard, play.heartbeat(answer))
    assert play.one(cmd.StopNeard, play.heartbeat())


def test_rule_4_nothing_is_armed_while_own_head_is_not_above_the_predecessors_height() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(released(height=play.height + 3)))
    play.do(ev.AcquireAnswered(YES))
    assert not play.one(cmd.StopNeard, play.heartbeat())
    for _ in range(3):
        assert not play.one(cmd.StopNeard, play.poll())
    assert play.one(cmd.StopNeard, play.poll())


def test_a_chain_that_stands_still_is_waited_for_and_said_aloud() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(released(height=10**6)))
    play.do(ev.AcquireAnswered(YES))
    for _ in range(70):
        play.heartbeat()
        play.poll()
        play.wait(1_000)
    assert "is not above height 1000000" in play.said()
    assert "--chain-may-stand-still" in play.said()
    assert play.node.state is State.VOTING


def test_an_operator_may_overrule_the_height_rule_by_its_named_option() -> None:
    play = Play(Node(replace(SETTINGS, chain_may_stand_still=True))).to_voting()
    play.do(ev.LeaseSeen(released(height=10**6)))
    play.do(ev.AcquireAnswered(YES))
    play.heartbeat()
    assert not play.one(cmd.StopNeard, play.wait(SETTINGS.height_patience_ms - 1_000))
    assert play.one(cmd.StopNeard, play.wait(2_000))
    assert "as --chain-may-stand-still says" in play.said()


def test_the_standby_has_ended_before_neard_starts_with_the_key() -> None:
    play = Play().to_tenure()
    assert not play.one(cmd.StartNeard, play.heartbeat())
    assert not play.one(cmd.StartNeard, play.wait(500))
    start = play.one(cmd.StartNeard, play.do(ev.NeardExited(100, "exit code 0")))
    assert isinstance(start, cmd.StartNeard)
    assert start.armed
    assert start.deadline is not None
    assert start.deadline > play.now


def test_neard_is_not_armed_when_the_deadline_has_come_too_near_while_the_standby_stopped() -> None:
    play = Play().to_tenure()
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
    deadline = play.node.tenure.deadline if play.node.tenure else 0
    assert not play.one(cmd.KillNeard, play.wait(deadline - play.now - 1) if deadline else [])
    assert play.one(cmd.KillNeard, play.wait(2))
    assert play.one(cmd.Release, play.do(EXIT))
    play.do(ev.ReleaseAnswered(UNKNOWN))
    assert play.one(cmd.Release, play.wait(D // 10 + 10)), "it is asked again"


def test_rule_2_released_is_written_only_after_the_end_of_neard() -> None:
    play = Play().to_validating()
    assert play.one(cmd.StopNeard, play.do(ev.StopAsked("SIGTERM")))
    assert not play.one(cmd.Release, play.wait(5_000))
    release = play.one(cmd.Release, play.do(ev.NeardExited(200, "exit code 0")))
    assert isinstance(release, cmd.Release)
    assert release.record.state is LeaseState.RELEASED
    exit_ = play.one(cmd.Exit, play.do(ev.ReleaseAnswered(YES)))
    assert exit_ == cmd.Exit(0)


def test_the_lease_is_kept_while_neard_takes_its_time_to_stop() -> None:
    play = Play().to_validating()
    play.heartbeat()
    play.do(ev.StopAsked("SIGTERM"))
    assert play.one(cmd.Heartbeat, play.wait(D // 10 + 10))
    assert play.one(cmd.MoveDeadline, play.heartbeat())


def test_a_second_signal_hurries_and_changes_nothing_else() -> None:
    play = Play().to_validating()
    play.do(ev.StopAsked("SIGTERM"))
    out = play.do(ev.StopAsked("SIGTERM"))
    assert play.one(cmd.KillNeard, out)
    assert not play.one(cmd.Exit, out)
    assert not play.one(cmd.Release, out)
    assert play.one(cmd.Release, play.do(EXIT))


def test_a_crash_of_neard_releases_at_once_and_names_what_may_have_been_signed() -> None:
    play = Play().to_validating()
    play.poll(target=2_000)
    release = play.one(cmd.Release, play.do(EXIT, after=1_300))
    assert isinstance(release, cmd.Release)
    assert release.record.height == 2_000 + 2 + 1


def test_each_heartbeat_names_what_may_be_signed_until_its_own_deadline() -> None:
    play = Play().to_validating()
    play.poll(target=2_000)
    beat = play.one(cmd.Heartbeat, play.wait(D // 10))
    play.heartbeat()
    beat = beat or play.one(cmd.Heartbeat, play.wait(D // 10 + 1))
    assert isinstance(beat, cmd.Heartbeat)
    assert beat.record.height >= 2_000 + D * 8 // 10 // 600


def test_a_standby_that_gave_up_before_it_was_armed_passes_on_the_predecessors_height() -> None:
    play = Play().to_tenure()
    release = play.one(cmd.Release, [*play.do(ev.StopAsked("SIGTERM")), *play.do(ev.NeardExited(100, "exit code 0"))])
    assert isinstance(release, cmd.Release)
    assert release.record.height == 100


def test_a_signer_that_hangs_is_killed_after_three_polls() -> None:
    play = Play().to_validating()
    for _ in range(HUNG_AFTER_MISSES - 1):
        assert not play.one(cmd.KillNeard, play.do(play.polled(None, "timed out"), after=1_000))
    assert play.one(cmd.KillNeard, play.do(play.polled(None, "timed out"), after=1_000))


def test_a_standby_that_re_executes_itself_is_given_its_start_again() -> None:
    play = Play().to_voting()
    for _ in range(HUNG_AFTER_MISSES):
        play.do(play.polled(None, "connection refused"), after=1_000)
    assert play.node.state is State.STARTUP
    assert not [command for _, command in play.log if isinstance(command, cmd.KillNeard)]


def test_three_starts_without_an_answer_end_in_words_and_status_1() -> None:
    play = Play()
    play.do(ev.Tick())
    play.do(ev.GuardReady())
    for attempt in range(3):
        play.do(ev.NeardStarted(100 + attempt, armed=False))
        assert play.one(cmd.KillNeard, play.wait(SETTINGS.startup_timeout_ms + 100))
        play.do(ev.NeardExited(100 + attempt, "signal 9 (SIGKILL)"))
        play.wait(5_000)
    assert "never became ready; giving up" in play.said()
    assert play.one(cmd.Exit, [command for _, command in play.log]) == cmd.Exit(1)


def test_a_guard_that_dies_takes_the_lease_with_it_only_after_neard_is_gone() -> None:
    play = Play().to_validating()
    out = play.do(ev.GuardLost())
    assert not play.one(cmd.Release, out)
    assert not play.one(cmd.StartGuard, out)
    assert play.one(cmd.Release, play.do(EXIT))
    assert play.one(cmd.StartGuard, play.wait(1_100))


def test_a_guard_that_dies_while_it_starts_a_signer_leaves_nothing_to_release() -> None:
    play = Play().to_tenure()
    play.heartbeat()
    assert play.one(cmd.StartNeard, play.do(ev.NeardExited(100, "exit code 0")))
    play.do(ev.GuardLost())
    assert not play.one(cmd.Release, play.wait(3 * D)), "that neard was never waited for: the lease runs out"


def test_after_a_crash_the_signer_is_taken_up_again_without_a_restart() -> None:
    crashed = Play().to_validating()
    remembered = next(command for _, command in crashed.log if isinstance(command, cmd.Remember))
    play = Play(now=crashed.now)
    play.do(ev.Tick())
    out = play.do(ev.GuardReady(200, True, play.now + 2_000, remembered.memory))
    assert play.node.state is State.VALIDATING
    beat = play.one(cmd.Heartbeat, out)
    assert isinstance(beat, cmd.Heartbeat)
    assert (beat.session, beat.record.term) == ("session-a", 8)
    assert not play.one(cmd.StartNeard, [*out, *play.heartbeat()])


def test_a_running_signer_of_an_unknown_term_is_killed() -> None:
    play = Play()
    play.do(ev.Tick())
    assert play.one(cmd.KillNeard, play.do(ev.GuardReady(200, True, play.now + 2_000, None)))


def test_a_signer_that_ended_while_no_supervisor_was_there_is_released_by_the_next_one() -> None:
    remembered = next(command for _, command in Play().to_validating().log if isinstance(command, cmd.Remember))
    play = Play()
    play.do(ev.Tick())
    assert play.one(cmd.Release, play.do(ev.GuardReady(memory=remembered.memory, ended="signal 9 (SIGKILL)")))


def test_an_acquisition_whose_answer_got_lost_is_adopted_when_it_is_seen() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(released()))
    play.do(ev.AcquireAnswered(UNKNOWN))
    mine = replace(held(51, node_id="a", term=8), session="session-a")
    assert play.one(cmd.Heartbeat, play.do(ev.LeaseSeen(mine)))


def test_a_lock_of_our_own_session_that_we_did_not_ask_for_is_waited_out_like_any_other() -> None:
    play = Play().to_voting()
    mine = replace(held(51, node_id="a", term=8), session="session-a")
    play.do(ev.LeaseSeen(mine))
    assert play.node.tenure is None


def test_a_deleted_record_does_not_delete_what_it_said_was_signed() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(held(height=5_000)))
    vacate(play)
    acquire = play.one(cmd.Acquire, play.wait(10))
    assert isinstance(acquire, cmd.Acquire)
    assert acquire.record.height >= 5_000


def test_a_signer_behind_the_chain_stays_while_no_standby_is_ready_and_steps_down_when_one_is() -> None:
    play = Play().to_validating()
    for _ in range(12):
        out = play.do(play.polled(sample(play.height, syncing=True)), after=1_000)
        play.heartbeat()
        if play.node.reading_members:
            out += play.do(ev.MembersSeen(()))
        assert not play.one(cmd.StopNeard, out)
    assert "no standby is ready: this node stays the validator" in play.said()
    play.do(play.polled(sample(play.height, syncing=True)), after=1_000)
    assert play.one(cmd.StopNeard, play.do(ev.MembersSeen((ev.Member("b", True),))))


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


def test_two_nodes_with_one_id_end_the_second_one() -> None:
    play = Play()
    play.do(ev.Tick())
    play.do(ev.GuardReady())
    play.do(ev.NeardStarted(100, armed=False))
    play.poll()
    for _ in range(30):
        play.do(ev.NodeIdTaken("host 'h' (session s)"), after=1_000)
        play.poll()
    assert "node id 'a' is in use by host 'h'" in play.said()
    assert play.node.closing is not None
    assert play.node.closing.code == 1


def test_detach_leaves_everything_running() -> None:
    play = Play().to_validating()
    out = play.do(ev.DetachAsked())
    assert play.one(cmd.Exit, out) == cmd.Exit(0, detach=True)
    assert not play.one(cmd.StopNeard, out)
    assert not play.one(cmd.Release, out)


def test_the_record_is_never_older_than_the_term_it_follows() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(held(term=40)))
    vacate(play)
    acquire = play.one(cmd.Acquire, play.wait(10))
    assert isinstance(acquire, cmd.Acquire)
    assert acquire.record.term == 41


def test_one_session_serves_one_tenure() -> None:
    """Else a release that got stuck on its way would be accepted in the middle of the next tenure."""
    play = Play().to_validating()
    play.do(EXIT)
    out = play.do(ev.ReleaseAnswered(YES))
    assert play.one(cmd.DropSession, out) == cmd.DropSession("session-a")
    assert play.node.session is None
    lost = Play().to_validating()
    assert lost.one(cmd.DropSession, lost.heartbeat(NO)) == cmd.DropSession("session-a")


def test_the_lease_counts_from_when_the_core_asked_for_the_heartbeat() -> None:
    """Its height is computed for a deadline that counts from then: one cannot be later than the other."""
    play = Play().to_validating()
    play.heartbeat()
    beat = play.one(cmd.Heartbeat, play.wait(D // 10))
    assert isinstance(beat, cmd.Heartbeat)
    assert beat.at <= play.now


def test_a_sample_counts_from_when_it_was_asked_for() -> None:
    play = Play().to_validating()
    asked_at = play.now
    play.now += 7_000
    play.do(ev.Polled(200, asked_at, sample(1_500, 2_000)))
    release = play.one(cmd.Release, play.do(EXIT))
    assert isinstance(release, cmd.Release)
    assert release.record.height >= 2_000 + 7_000 // 600


def test_an_old_head_may_be_followed_by_the_rest_of_the_chain_in_one_burst() -> None:
    play = Play().to_validating()
    play.do(play.polled(sample(1_500, 1_501, head_age_ms=4_000)))
    release = play.one(cmd.Release, play.do(EXIT))
    assert isinstance(release, cmd.Release)
    assert release.record.height >= 1_501 + 4_000 // 600


def test_a_record_of_an_older_term_does_not_lower_what_may_have_been_signed() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(held(60, term=9, height=5_000)))
    acquire = play.one(cmd.Acquire, play.do(ev.LeaseSeen(replace(released(term=8, height=10), index=61))))
    assert isinstance(acquire, cmd.Acquire)
    assert acquire.record.height >= 5_000


def test_a_term_beyond_reason_is_not_followed() -> None:
    play = Play().to_voting()
    acquire = play.one(cmd.Acquire, play.do(ev.LeaseSeen(released(term=2**61))))
    assert isinstance(acquire, cmd.Acquire)
    assert acquire.record.term == 1


def test_the_answer_of_an_earlier_neard_is_not_taken_for_the_signers() -> None:
    play = Play().to_tenure()
    play.heartbeat()
    play.do(ev.NeardExited(100, "exit code 0"))
    play.do(ev.NeardStarted(200, armed=True))
    play.do(ev.Polled(100, play.now, sample(play.height)))
    assert play.node.neard is not None
    assert not play.node.neard.answered


def test_a_standby_that_shows_a_validator_key_is_killed() -> None:
    play = Play().to_voting()
    assert play.one(cmd.KillNeard, play.poll(shows_key=True))


def test_an_acquisition_that_was_seen_before_its_answer_got_lost_is_adopted_at_once() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(released()))
    play.do(ev.LeaseSeen(replace(held(51, node_id="a", term=8), session="session-a")))
    assert play.one(cmd.Heartbeat, play.do(ev.AcquireAnswered(UNKNOWN)))


def test_an_attempt_that_the_record_has_left_behind_is_never_adopted() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(released()))
    play.do(ev.AcquireAnswered(UNKNOWN))
    play.do(ev.LeaseSeen(held(52)))
    play.do(ev.LeaseSeen(replace(held(53, node_id="a", term=8), session="session-a")))
    assert play.node.tenure is None


def test_a_stop_while_the_guard_is_being_attached_waits_for_what_it_has() -> None:
    play = Play()
    play.do(ev.Tick())
    assert not play.one(cmd.Exit, play.do(ev.StopAsked("SIGTERM")))
    assert play.one(cmd.StopNeard, play.do(ev.GuardReady(100)))
    assert play.one(cmd.Exit, play.do(ev.NeardExited(100, "exit code 0")))


def test_refused_starts_are_retried_for_a_while_and_end_in_their_own_words() -> None:
    play = Play()
    play.do(ev.Tick())
    play.do(ev.GuardReady())
    for _ in range(5):
        play.wait(6_000)
        play.do(ev.NeardRefused("process 7 (neard) holds /home/data/LOCK"))
    assert "could not be started 5 times" in play.said()
    assert play.one(cmd.Exit, [command for _, command in play.log]) == cmd.Exit(1)


def test_a_killed_signer_gets_no_new_deadline() -> None:
    play = Play().to_validating()
    play.do(ev.StopAsked("SIGTERM"))
    play.do(ev.StopAsked("SIGTERM"))
    assert not play.one(cmd.MoveDeadline, play.heartbeat())


def test_a_new_holder_asks_for_the_height_at_once_and_not_at_the_next_regular_poll() -> None:
    play = Play().to_voting()
    play.wait(300)
    play.poll()
    play.do(ev.LeaseSeen(released(height=play.height)))
    assert play.one(cmd.PollNeard, [*play.do(ev.AcquireAnswered(YES)), *play.wait(50)])
