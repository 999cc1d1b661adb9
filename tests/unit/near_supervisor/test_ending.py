"""The ways in which a signer, a standby or the daemon ends, and what follows from each."""

from __future__ import annotations

import pytest

from near_ha.records.lease_record import LeaseState
from near_ha.records.states import State
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.conditions import readiness
from near_supervisor.core.facts.answer import YES
from near_supervisor.core.rules.fencing import HUNG_AFTER_MISSES, HUNG_FOR_CERTAIN_MS
from support.core_play import NO, SETTINGS, D, Play, sample, standby

EXIT = ev.NeardExited(200, "signal 9 (SIGKILL)")


def test_rule_2_released_is_written_only_after_the_end_of_neard() -> None:
    play = Play().to_validating()
    assert play.one(cmd.StopNeard, play.do(ev.StopAsked("SIGTERM")))
    assert not play.one(cmd.Release, play.wait(5_000))
    release = play.one(cmd.Release, play.do(ev.NeardExited(200, "exit code 0")))
    assert isinstance(release, cmd.Release)
    assert (release.record.state, release.record.leaves) == (LeaseState.RELEASED, True)
    exit_ = play.one(cmd.Exit, play.do(ev.ReleaseAnswered(YES)))
    assert exit_ == cmd.Exit(0)


def test_a_neard_that_ignores_sigterm_is_said_after_two_seconds_with_when_it_is_killed() -> None:
    play = Play().to_voting()
    play.do(ev.StopAsked("SIGTERM"))
    play.wait(1_900)
    assert "still runs" not in play.said()
    play.wait(200)
    text = "neard 100 still runs 2 s after SIGTERM (this node is shutting down): it is killed in 58 s (--stop-timeout)"
    assert play.said().count(text) == 1
    play.wait(30_000)
    assert play.said().count("still runs") == 1


def test_one_whose_end_somebody_waits_for_is_killed_before_there_is_anything_to_say() -> None:
    play = Play().to_validating()
    play.do(ev.StopAsked("SIGTERM"))
    play.wait(5_000)
    assert "still runs" not in play.said()


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
    play.poll(target=2_000, head_age_ms=0)
    release = play.one(cmd.Release, play.do(EXIT, after=1_300))
    assert isinstance(release, cmd.Release)
    assert (release.record.height, release.record.leaves) == (2_000, False)


def silent(play: Play, polls: int) -> list[cmd.Command]:
    """neard answers none of so many polls, a second each; Consul goes on to answer."""
    out: list[cmd.Command] = []
    for _ in range(polls):
        out += play.do(play.polled(None, "timed out"), after=1_000)
        play.heartbeat()
    return out


def test_a_signer_that_hangs_is_killed_after_three_polls_if_another_one_is_ready() -> None:
    play = Play().to_validating()
    assert not play.one(cmd.ReadMembers, silent(play, HUNG_AFTER_MISSES - 1))
    out = silent(play, 1)
    assert play.one(cmd.ReadMembers, out)
    assert not play.one(cmd.KillNeard, out)
    assert play.one(cmd.KillNeard, play.do(ev.MembersSeen(play.now, (standby("b"),))))


@pytest.mark.parametrize("paused", [False, True])
def test_a_busy_signer_is_left_alone_where_its_end_helps_nobody_and_killed_when_it_surely_hangs(paused: bool) -> None:
    play = Play().to_validating()
    play.do(ev.ConfigSeen(paused=paused))
    others = (standby("b", ready=paused),)
    for _ in range(HUNG_FOR_CERTAIN_MS // 1_000):
        out = silent(play, 1)
        if play.node.cluster.reading:
            out += play.do(ev.MembersSeen(play.now, others))
        assert not play.one(cmd.KillNeard, out)
    assert play.one(cmd.KillNeard, silent(play, 1))


def test_one_that_answers_in_between_was_busy() -> None:
    play = Play().to_validating()
    for _ in range(3):
        silent(play, HUNG_FOR_CERTAIN_MS // 1_000 - 2)
        play.poll(target=play.height + 2)
    assert not [command for _, command in play.log if isinstance(command, cmd.KillNeard)]


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
    play = Play().to_leadership()
    play.heartbeat()
    assert play.one(cmd.StartNeard, play.do(ev.NeardExited(100, "exit code 0")))
    play.do(ev.GuardLost())
    assert not play.one(cmd.Release, play.wait(3 * D)), "that neard was never waited for: the lease runs out"


def test_after_a_crash_the_signer_is_taken_up_again_without_a_restart() -> None:
    crashed = Play().to_validating()
    remembered = next(command for _, command in crashed.log if isinstance(command, cmd.SaveState))
    play = Play(now=crashed.now)
    play.do(ev.Tick())
    out = play.do(ev.GuardReady(200, True, play.now + 2_000, remembered.memory))
    assert play.node.state is State.VALIDATING
    beat = play.one(cmd.Heartbeat, out)
    assert isinstance(beat, cmd.Heartbeat)
    assert (beat.session, beat.record.term) == ("session-a", 8)
    assert not play.one(cmd.StartNeard, [*out, *play.heartbeat()])


@pytest.mark.parametrize(("had_answered", "killed"), [(True, True), (False, False)])
def test_a_signer_that_had_answered_and_is_silent_after_a_crash_hangs_and_does_not_start(
    had_answered: bool, killed: bool
) -> None:
    crashed = Play().to_validating()
    kept = [command.memory for _, command in crashed.log if isinstance(command, cmd.SaveState)]
    memory = next(memory for memory in kept if memory.answered is had_answered)
    play = Play(now=crashed.now)
    play.do(ev.Tick())
    out = play.do(ev.GuardReady(200, True, play.now + 60_000, memory))
    for _poll in range(8):
        play.heartbeat()
        play.now += 500
        out += play.do(ev.Polled(200, play.now, None, "no answer"))
        if play.node.cluster.reading:
            out += play.do(ev.MembersSeen(play.now, (standby("b"),)))
    assert bool(play.one(cmd.KillNeard, out)) is killed


def test_a_running_signer_of_an_unknown_term_is_killed() -> None:
    play = Play()
    play.do(ev.Tick())
    assert play.one(cmd.KillNeard, play.do(ev.GuardReady(200, True, play.now + 2_000, None)))


def test_a_signer_that_ended_while_no_supervisor_was_there_is_released_by_the_next_one() -> None:
    remembered = next(command for _, command in Play().to_validating().log if isinstance(command, cmd.SaveState))
    play = Play()
    play.do(ev.Tick())
    assert play.one(cmd.Release, play.do(ev.GuardReady(memory=remembered.memory, ended="signal 9 (SIGKILL)")))


def test_a_signer_behind_the_chain_stays_while_no_standby_is_ready_and_steps_down_when_one_is() -> None:
    play = Play().to_validating()
    for _ in range(12):
        out = play.do(play.polled(sample(play.height, syncing=True)), after=1_000)
        play.heartbeat()
        if play.node.cluster.reading:
            out += play.do(ev.MembersSeen(0, ()))
        assert not play.one(cmd.StopNeard, out)
    assert "no standby is ready: this node stays the validator" in play.said()
    play.do(play.polled(sample(play.height, syncing=True)), after=1_000)
    assert play.one(cmd.StopNeard, play.do(ev.MembersSeen(0, (standby("b"),))))


def test_two_nodes_with_one_id_end_the_second_one() -> None:
    play = Play()
    play.do(ev.Tick())
    play.do(ev.GuardReady())
    play.do(ev.NeardStarted(100, armed=False))
    play.poll()
    reasons = set()
    for _ in range(30):
        play.do(ev.NodeIdTaken("host 'h' (session s)"), after=1_000)
        play.poll()
        reasons.add(readiness.unready(play.node))
    both = "node id 'a' is that of two nodes, of this one on host 'host-a' and of another one on host 'h' (session s)"
    assert both in play.said()
    assert f"is Registering, waits for the other one to end: {both}" in reasons, "who looks at the second one reads it"
    assert play.node.closing is not None
    assert play.node.closing.code == 1


def test_detach_leaves_everything_running() -> None:
    play = Play().to_validating()
    out = play.do(ev.DetachAsked())
    assert play.one(cmd.Exit, out) == cmd.Exit(0, detach=True)
    assert not play.one(cmd.StopNeard, out)
    assert not play.one(cmd.Release, out)


def test_one_session_serves_one_leadership() -> None:
    """Else a release that got stuck on its way would be accepted in the middle of the next leadership."""
    play = Play().to_validating()
    play.do(EXIT)
    out = play.do(ev.ReleaseAnswered(YES))
    assert play.one(cmd.DropSession, out) == cmd.DropSession("session-a")
    assert play.node.session is None
    lost = Play().to_validating()
    assert lost.one(cmd.DropSession, lost.heartbeat(NO)) == cmd.DropSession("session-a")


def test_a_standby_that_shows_a_validator_key_is_killed() -> None:
    play = Play().to_voting()
    assert play.one(cmd.KillNeard, play.poll(shows_key=True))


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


@pytest.mark.parametrize(
    ("reasons", "paused", "ends"),
    [((), False, True), (("restart",), False, False), ((), True, False)],
    ids=["a neard that runs", "it would start one as well", "paused"],
)
def test_a_start_with_the_key_that_takes_longer_than_a_lease_is_left_to_a_standby_that_is_faster(
    reasons: tuple[str, ...], paused: bool, ends: bool
) -> None:
    """Measured: it held the lease for the whole of --startup-timeout, and nothing said so."""
    play = Play().to_leadership()
    play.heartbeat()
    play.do(ev.NeardExited(100, "exit code 0"))
    play.do(ev.NeardStarted(200, armed=True))
    if paused:
        play.do(ev.ConfigSeen(paused=True))
    killed = []
    for _ in range(2 * D // 1_000):
        out = play.do(ev.Tick(), after=1_000)
        play.heartbeat()
        if play.node.cluster.reading:
            out += play.do(ev.MembersSeen(play.now, (standby("b", reasons=reasons),)))
        killed += [command for command in out if isinstance(command, cmd.KillNeard)]
        assert not killed or play.now - play.node.neard.started_at >= D  # type: ignore[union-attr]
    assert bool(killed) is ends
    if ends:
        assert "a standby is ready" in killed[0].why
        assert play.one(cmd.Release, play.do(ev.NeardExited(200, "signal 9 (SIGKILL)")))
        assert play.node.starts.failures == 0, "it was slow, and need not be broken"


def test_nothing_is_released_while_an_armed_neard_may_be_starting() -> None:
    play = Play().to_leadership()
    assert play.one(cmd.StopNeard, play.heartbeat())
    started = play.one(cmd.StartNeard, play.do(ev.NeardExited(100, "exit code 0")))
    assert isinstance(started, cmd.StartNeard)
    assert started.armed
    out = play.do(ev.StopAsked("SIGTERM")) + play.wait(1_000)
    assert not play.one(cmd.Release, out)
    assert not play.one(cmd.Release, play.do(ev.NeardStarted(200, armed=True)))
    assert play.one(cmd.Release, play.do(ev.NeardExited(200, "exit code 0")))
