"""A request to switch over: what the holder checks before it stops signing, and how each request ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from near_ha.records.history import Kind as Why
from near_ha.records.lease_record import LeaseState
from near_ha.records.switchover import Action, Phase, Switchover
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.facts.answer import YES
from near_supervisor.core.facts.leadership import SavedState
from near_supervisor.core.facts.model import Node
from near_supervisor.core.rules.neard import HANDING_OVER_POLL_MS
from near_supervisor.core.rules.switchover import CONFIRMED_EVERY_MS
from support.core_play import NO, SETTINGS, UNKNOWN, D, Play, held, released, sample, standby

PROMOTE_B = Switchover("r1", Action.PROMOTE, "b", "alice", "new kernel", 0, term=8)
DEMOTE = replace(PROMOTE_B, action=Action.DEMOTE, target="")


def ask(play: Play, request: Switchover, *members: Any, index: int = 70) -> list[cmd.Command]:
    """The request is seen, and the members are read after it, if the core asks for them."""
    out = play.do(ev.RequestSeen(index, request))
    if play.one(cmd.ReadMembers, out):
        out = play.do(ev.MembersSeen(play.now, members))
    if play.one(cmd.ReadDuties, out):
        out = play.do(ev.DutiesSeen(request.id, None, "it is old"))
    return out


def moved(play: Play, out: list[cmd.Command]) -> Switchover:
    command = play.one(cmd.MoveRequest, out)
    assert isinstance(command, cmd.MoveRequest), out
    return command.request


def no_head_comes(play: Play) -> list[cmd.Command]:
    """For as long as the holder would wait for one."""
    return play.wait(3 * SETTINGS.block_time_ms)


def test_the_holder_accepts_then_stops_then_releases_to_the_target() -> None:
    play = Play().to_validating()
    out = ask(play, PROMOTE_B, standby("b"), standby("c"))
    accepted = moved(play, out)
    assert (accepted.phase, accepted.source, accepted.term) == (Phase.ACCEPTED, "a", 8)
    assert not play.one(cmd.StopNeard, out + no_head_comes(play)), "it signs until it knows that it was accepted"
    assert play.one(cmd.StopNeard, play.do(ev.RequestMoved("r1", YES)) + no_head_comes(play))
    release = play.one(cmd.Release, play.do(ev.NeardExited(200, "exit code 0")))
    assert isinstance(release, cmd.Release)
    assert (release.record.state, release.record.handover_to) == (LeaseState.RELEASED, "b")
    assert "alice" in release.record.reason


def test_an_acceptance_whose_answer_got_lost_is_seen_by_the_watch() -> None:
    play = Play().to_validating()
    accepted = moved(play, ask(play, PROMOTE_B, standby("b")))
    assert not play.one(cmd.StopNeard, play.do(ev.RequestMoved("r1", UNKNOWN)) + no_head_comes(play))
    assert play.one(cmd.StopNeard, play.do(ev.RequestSeen(71, accepted)) + no_head_comes(play))


def test_the_holder_stops_right_after_a_new_head() -> None:
    """Then it has signed for the height above it and nothing more, and the successor waits one block less."""
    play = Play().to_validating()
    for _ in range(2):
        play.wait(SETTINGS.block_time_ms)
        play.poll(target=play.height + 2, head_age_ms=0)
    play.wait(SETTINGS.block_time_ms // 2)
    moved(play, ask(play, PROMOTE_B, standby("b")))
    asked = play.now
    assert not play.one(cmd.StopNeard, play.do(ev.RequestMoved("r1", YES)))
    out = play.poll(play.height, target=play.height + 1, head_age_ms=SETTINGS.block_time_ms // 2)
    assert play.one(cmd.PollNeard, out + play.wait(HANDING_OVER_POLL_MS)), "a new head is to be seen at once"
    play.wait(SETTINGS.block_time_ms // 2 - (play.now - asked))
    assert play.one(cmd.StopNeard, play.poll(target=play.height + 2, head_age_ms=0))
    release = play.one(cmd.Release, play.do(ev.NeardExited(200, "exit code 0"), after=200))
    assert isinstance(release, cmd.Release)
    assert release.record.height == play.height + 1


def test_somebody_was_faster_and_nothing_stops() -> None:
    play = Play().to_validating()
    moved(play, ask(play, PROMOTE_B, standby("b")))
    assert not play.one(cmd.StopNeard, play.do(ev.RequestMoved("r1", NO)) + no_head_comes(play))


@pytest.mark.parametrize(
    "accepted",
    [
        pytest.param(PROMOTE_B.accepted("a", 7, "b", 0), id="in a term before this one"),
        pytest.param(PROMOTE_B.accepted("c", 8, "b", 0), id="by another node"),
    ],
)
def test_what_was_accepted_elsewhere_moves_nobody(accepted: Switchover) -> None:
    play = Play().to_validating()
    play.do(ev.RequestSeen(70, accepted))
    no_head_comes(play)
    assert play.node.leadership is not None
    assert not play.node.leadership.release.reason


@pytest.mark.parametrize(
    ("request_", "members", "outcome"),
    [
        pytest.param(PROMOTE_B, [standby("c")], "b is no member", id="no such member"),
        pytest.param(PROMOTE_B, [standby("b", ready=False, reason="is Syncing")], "is Syncing", id="not ready"),
        pytest.param(PROMOTE_B, [standby("b", lease_ms=2 * D)], "lease of 20 s", id="another lease"),
        pytest.param(PROMOTE_B, [standby("b", validator_public_key="ed25519:X")], "another validator key", id="key"),
        pytest.param(PROMOTE_B, [replace(standby("b"), session=None)], "is not there", id="its session has ended"),
        pytest.param(PROMOTE_B, [replace(standby("b"), record=None)], "cannot be read", id="an unreadable record"),
        pytest.param(DEMOTE, [standby("b", ready=False)], "no standby is ready", id="nobody to demote to"),
        pytest.param(DEMOTE, [standby("b", priority=0)], "no standby is ready", id="one that stands never by itself"),
    ],
)
def test_the_holder_refuses_and_signs_on(request_: Switchover, members: list[Any], outcome: str) -> None:
    play = Play().to_validating()
    failed = moved(play, ask(play, request_, *members))
    assert failed.phase is Phase.FAILED
    assert outcome in failed.outcome
    assert not play.one(cmd.StopNeard, play.do(ev.RequestMoved("r1", YES)))


def test_force_takes_an_unready_target_and_never_one_with_another_key() -> None:
    forced = replace(PROMOTE_B, force=True)
    play = Play().to_validating()
    assert moved(play, ask(play, forced, standby("b", ready=False))).phase is Phase.ACCEPTED
    play = Play().to_validating()
    stranger = standby("b", ready=False, validator_public_key="ed25519:X")
    assert moved(play, ask(play, forced, stranger)).phase is Phase.FAILED


def test_members_that_were_read_before_the_request_say_nothing() -> None:
    play = Play().to_validating()
    play.do(ev.MembersSeen(play.now, (standby("b"),)))
    out = play.do(ev.RequestSeen(70, PROMOTE_B), after=1)
    assert not play.one(cmd.MoveRequest, out)
    assert play.one(cmd.ReadMembers, out)
    assert not play.one(cmd.MoveRequest, play.do(ev.MembersSeen(play.now, None))), "they could not be read"
    assert play.one(cmd.ReadMembers, play.wait(1_500))
    assert play.one(cmd.ReadDuties, play.do(ev.MembersSeen(play.now, (standby("b"),))))


def test_demote_goes_to_the_ready_standby_of_the_highest_priority() -> None:
    play = Play().to_validating()
    out = ask(play, DEMOTE, standby("b", priority=50), standby("c"), standby("d", ready=False))
    assert moved(play, out).target == "c"


def test_demote_means_the_one_who_led_when_it_was_asked() -> None:
    play = Play().to_validating()
    done = moved(play, ask(play, replace(DEMOTE, term=7), standby("b")))
    assert done.phase is Phase.DONE
    assert "term 7 is over" in done.outcome


@pytest.mark.parametrize(("force", "phase"), [(False, Phase.FAILED), (True, Phase.ACCEPTED)])
def test_a_paused_cluster_switches_over_by_force_only(force: bool, phase: Phase) -> None:
    play = Play().to_validating()
    play.do(ev.ConfigSeen(paused=True))
    assert moved(play, ask(play, replace(PROMOTE_B, force=force), standby("b"))).phase is phase


def test_the_validator_itself_is_promoted_by_changing_nothing() -> None:
    play = Play().to_validating()
    done = moved(play, play.do(ev.RequestSeen(70, replace(PROMOTE_B, target="a"))))
    assert done.phase is Phase.DONE


def test_a_signer_that_is_just_being_started_is_stopped_as_well() -> None:
    play = Play().to_leadership()
    play.heartbeat()
    assert play.one(cmd.StartNeard, play.do(ev.NeardExited(100, "exit code 0")))
    moved(play, ask(play, PROMOTE_B, standby("b")))
    assert not play.one(cmd.Release, play.do(ev.RequestMoved("r1", YES))), "it may be there already"
    assert play.one(cmd.StopNeard, play.do(ev.NeardStarted(200, armed=True)))


# --- the target


def successor(request: Switchover | None = None) -> Play:
    """This node, ``a``, has taken over from ``b``, which had accepted the request."""
    accepted = (request or replace(PROMOTE_B, target="a")).accepted("b", 7, (request or PROMOTE_B).target or "a", 0)
    accepted = replace(accepted, target=request.target if request else "a")
    play = Play().to_voting()
    play.do(ev.RequestSeen(70, accepted))
    play.do(ev.LeaseSeen(released(handover_to=accepted.target)), after=300)
    if accepted.target != "a":
        play.wait(D + D // 2 + 100)
    assert play.node.candidate.attempt is not None
    play.do(ev.AcquireAnswered(YES))
    play.heartbeat()
    play.do(ev.NeardExited(100, "exit code 0"))
    play.do(ev.NeardStarted(200, armed=True))
    return play


def test_the_target_says_that_it_is_done_when_it_signs_and_how_long_nobody_did() -> None:
    play = successor()
    assert not play.one(cmd.MoveRequest, play.wait(200))
    play.now += 800
    out = play.poll()
    done = moved(play, out)
    assert (done.phase, done.gap_ms) == (Phase.DONE, 1_000), (
        "since the release: the holder signs on after it has accepted"
    )
    note = play.one(cmd.RecordChange, out)
    assert isinstance(note, cmd.RecordChange)
    assert (note.change.kind, note.change.predecessor, note.change.request) == (Why.SWITCHOVER, "b", "r1")


def test_another_one_had_to_take_over_and_says_that_it_failed() -> None:
    play = successor(replace(PROMOTE_B, target="c"))
    failed = moved(play, play.poll())
    assert failed.phase is Phase.FAILED
    assert "c did not take over, a validates" in failed.outcome


def test_a_failover_is_noted_with_its_cause() -> None:
    play = Play().to_validating()
    notes = [command for _, command in play.log if isinstance(command, cmd.RecordChange)]
    assert [(note.change.kind, note.change.term) for note in notes] == [(Why.RELEASE, 8)]


def test_what_a_crash_has_made_us_forget_is_not_noted_a_second_time() -> None:
    play = Play().to_validating()
    assert play.node.leadership is not None
    play.node = replace(play.node, leadership=replace(play.node.leadership, signs_at=None, takeover=None))
    play.log.clear()
    play.poll()
    assert play.node.leadership.signs_at is not None  # type: ignore[union-attr]
    assert not [command for _, command in play.log if isinstance(command, cmd.RecordChange)]


# --- requests that nobody carries out


def test_a_request_that_nobody_carries_out_is_called_off() -> None:
    play = Play().to_voting()
    play.do(ev.RequestSeen(70, replace(PROMOTE_B, target="c", timeout_ms=5_000)))
    assert not play.one(cmd.MoveRequest, play.wait(4_999))
    failed = moved(play, play.wait(2))
    assert failed.phase is Phase.FAILED
    assert "nobody carried it out within 5 s" in failed.outcome


def test_a_hand_over_without_an_end_is_called_off_later() -> None:
    play = Play().to_voting()
    play.do(ev.RequestSeen(70, replace(PROMOTE_B, target="c", timeout_ms=5_000).accepted("b", 7, "c", 0)))
    assert not play.one(cmd.MoveRequest, play.wait(5_000 + 2 * D - 1))
    assert moved(play, play.wait(2)).phase is Phase.FAILED


def test_after_a_no_it_is_tried_again_when_the_request_was_read_again() -> None:
    play = Play().to_voting()
    play.do(ev.RequestSeen(70, replace(PROMOTE_B, target="c", timeout_ms=1_000)))
    moved(play, play.wait(1_001))
    assert not play.one(cmd.MoveRequest, play.do(ev.RequestMoved("r1", NO)))
    again = play.one(cmd.MoveRequest, play.wait(600))
    assert isinstance(again, cmd.MoveRequest)


def test_an_older_read_of_the_same_request_is_not_believed() -> None:
    play = Play().to_validating()
    play.do(ev.RequestSeen(75, PROMOTE_B.ended(Phase.FAILED, "c", 0, "")))
    play.do(ev.RequestSeen(70, PROMOTE_B))
    assert play.node.switchover.request is not None
    assert play.node.switchover.request.phase is Phase.FAILED


def test_a_request_of_a_history_that_was_put_back_is() -> None:
    """Found by bin/simulate: a snapshot of Consul was restored, and its open request was moved by nobody any more."""
    play = Play().to_voting()
    ended = replace(PROMOTE_B, target="c", timeout_ms=1_000)
    play.do(ev.RequestSeen(75, ended.ended(Phase.FAILED, "c", 0, "")))
    play.do(ev.RequestSeen(70, ended, turned_back=True))
    assert moved(play, play.wait(1_001)).phase is Phase.FAILED


def test_our_own_move_is_not_undone_by_its_late_answer() -> None:
    play = Play().to_voting()
    play.do(ev.RequestSeen(70, replace(PROMOTE_B, target="c", timeout_ms=1_000)))
    failed = moved(play, play.wait(1_001))
    play.do(ev.RequestSeen(71, failed))
    play.do(ev.RequestMoved("r1", YES))
    assert play.node.switchover.index == 71, "the watch was faster than the answer"


def test_on_the_way_out_requests_are_left_to_others() -> None:
    play = Play().to_validating()
    play.do(ev.StopAsked("SIGTERM"))
    assert not play.one(cmd.MoveRequest, ask(play, PROMOTE_B, standby("b")))


def test_a_node_alone_has_nobody_to_hand_over_to() -> None:
    play = Play(Node(SETTINGS)).to_validating()
    play.poll()
    assert moved(play, ask(play, DEMOTE)).outcome == "no standby is ready to take over"
    assert sample(1).syncing is False


# --- a leadership that comes to nothing


def fails(play: Play, how: str = "signal 6 (SIGABRT)") -> list[cmd.Command]:
    """neard ends before it has answered as the validator."""
    return play.do(ev.NeardExited(200, how))


def test_a_target_whose_neard_ends_before_it_signs_says_so_and_the_old_one_has_its_role_back() -> None:
    play = successor()
    out = fails(play)
    failed = moved(play, out)
    assert failed.phase is Phase.FAILED
    assert "could not take over" in failed.outcome
    assert "SIGABRT" in failed.outcome
    release = play.one(cmd.Release, out)
    assert isinstance(release, cmd.Release)
    assert release.record.handover_to == "b"


def test_a_target_that_falls_behind_before_it_signs_gives_the_role_back_to_the_old_one_at_once() -> None:
    """What a rule finds late in a step is as good a reason as what an event tells."""
    accepted = replace(PROMOTE_B, target="a").accepted("b", 7, "a", 0)
    play = Play().to_voting()
    play.do(ev.RequestSeen(70, accepted))
    play.do(ev.LeaseSeen(released(handover_to="a")), after=300)
    play.do(ev.AcquireAnswered(YES))
    play.do(ev.NeardExited(100, "exit code 0"))
    release, out = None, list[cmd.Command]()
    for _ in range(3 * D // 500):
        play.heartbeat()
        out = play.do(ev.Tick(), after=500)
        if release := play.one(cmd.Release, out):
            break
    assert isinstance(release, cmd.Release)
    assert release.record.handover_to == "b"
    assert "not ready to sign" in moved(play, out).outcome


def test_a_target_that_failed_holds_back_like_anybody_who_did() -> None:
    play = successor()
    fails(play)
    play.do(ev.ReleaseAnswered(YES))
    assert play.node.early_ends.flaps == 1


def test_a_term_that_came_to_nothing_is_in_the_history_and_the_next_one_counts_from_before_it() -> None:
    play = successor()
    since = play.node.leadership.takeover.since if play.node.leadership and play.node.leadership.takeover else 0
    play.now += 3_000
    out = fails(play)
    noted = play.one(cmd.RecordChange, out)
    assert isinstance(noted, cmd.RecordChange)
    assert (noted.change.term, noted.change.gap_ms, noted.change.predecessor) == (8, None, "b")
    assert noted.change.reason.startswith("never signed: ")
    assert not noted.change.request, "an entry with it says that it was carried out"
    release = play.one(cmd.Release, out)
    assert isinstance(release, cmd.Release)
    assert release.record.unsigned_ms == play.now - since
    next_one = Play().to_voting()
    next_one.do(ev.LeaseSeen(released(unsigned_ms=release.record.unsigned_ms)))
    next_one.do(ev.AcquireAnswered(YES))
    began = next_one.now
    next_one.two_heads(head_age_ms=0)
    next_one.heartbeat()
    next_one.do(ev.NeardExited(100, "exit code 0"))
    next_one.do(ev.NeardStarted(200, armed=True))
    told = next_one.one(cmd.RecordChange, next_one.poll(target=next_one.height + 2, head_age_ms=0))
    assert isinstance(told, cmd.RecordChange)
    assert told.change.gap_ms == next_one.now - began + release.record.unsigned_ms


WORDS = "thread 'main' panicked at x.rs:1:2: | no state"


def test_what_neard_said_last_is_added_to_the_entry_of_a_term_that_came_to_nothing() -> None:
    out = successor().do(ev.NeardExited(200, "signal 6 (SIGABRT)", WORDS))
    kinds = [type(command) for command in out]
    assert cmd.RecordLastWords(8, WORDS) in out
    assert kinds.index(cmd.RecordChange) < kinds.index(cmd.RecordLastWords), "there has to be an entry first"
    failed = next(command for command in out if isinstance(command, cmd.MoveRequest)).request
    assert failed.outcome.endswith(f"; it said last: {WORDS}"), "so that whoever asked reads it at once"


def test_and_of_one_that_had_signed_and_of_one_that_ended_while_no_supervisor_was_there() -> None:
    play = Play().to_validating()
    assert cmd.RecordLastWords(8, WORDS) in play.do(ev.NeardExited(200, "signal 6 (SIGABRT)", WORDS))
    assert f"Neard finished unexpectedly with signal 6 (SIGABRT); it said last: {WORDS}" in play.said()
    memory = SavedState("session-a", 8, 1_000)
    later = Play()
    later.do(ev.Tick())
    out = later.do(ev.GuardReady(memory=memory, ended="it ended with signal 6 (SIGABRT)", last_words=WORDS))
    assert cmd.RecordLastWords(8, WORDS) in out


def test_of_a_neard_that_was_told_to_end_nothing_is_noted() -> None:
    play = Play().to_validating()
    play.do(ev.StopAsked("SIGTERM"))
    out = play.do(ev.NeardExited(200, "exit code 0", WORDS))
    assert play.one(cmd.Release, out)
    assert not play.one(cmd.RecordLastWords, out)


def test_who_has_signed_says_that_nobody_waits() -> None:
    play = Play().to_validating()
    release = play.one(cmd.Release, play.do(ev.NeardExited(200, "signal 9 (SIGKILL)")))
    assert isinstance(release, cmd.Release)
    assert release.record.unsigned_ms == 0
    assert not [command for _, command in play.log if isinstance(command, cmd.RecordChange)][1:]


# --- the target is there


def test_the_holder_lets_go_only_for_somebody_who_is_there_now() -> None:
    """Measured: a promote to a host that had died a moment ago stopped the healthy validator for 6.2 s."""
    play = Play().to_validating()
    out = ask(play, PROMOTE_B, standby("b", confirms="r0"))
    assert not play.one(cmd.MoveRequest, out), "that was another request"
    assert play.one(cmd.ReadMembers, play.wait(CONFIRMED_EVERY_MS + 1)), "it is asked again soon"
    out = play.do(ev.MembersSeen(play.now, (standby("b", confirms="r1"),)))
    accepted = moved(play, out + play.do(ev.DutiesSeen("r1", None, "it is old")))
    assert (accepted.phase, accepted.target) == (Phase.ACCEPTED, "b")


def test_one_that_does_not_answer_is_told_of_and_the_validator_signs_on() -> None:
    play = Play().to_validating()
    out = ask(play, PROMOTE_B, standby("b", confirms=""))
    asked = play.now
    while not play.one(cmd.MoveRequest, out):
        out = play.wait(CONFIRMED_EVERY_MS)
        play.heartbeat()
        if play.node.cluster.reading:
            out += play.do(ev.MembersSeen(play.now, (standby("b", confirms=""),)))
    failed = moved(play, out)
    assert failed.phase is Phase.FAILED
    assert "b has not confirmed within" in failed.outcome
    assert D <= play.now - asked <= D + 500
    assert play.node.armed


def test_a_consul_that_refuses_at_once_is_not_asked_without_a_pause() -> None:
    play = Play().to_validating()
    play.do(ev.RequestSeen(70, PROMOTE_B))
    before = len(play.log)
    for _ in range(50):
        play.do(ev.MembersSeen(play.now, None), after=10)
    asked = sum(isinstance(command, cmd.ReadMembers) for _, command in play.log[before:])
    assert asked <= 50 * 10 // CONFIRMED_EVERY_MS + 1


def test_force_asks_nobody_whether_it_is_there() -> None:
    play = Play().to_validating()
    assert moved(play, ask(play, replace(PROMOTE_B, force=True), standby("b", confirms=""))).phase is Phase.ACCEPTED


@pytest.mark.parametrize(
    ("request_", "confirmed"),
    [(replace(PROMOTE_B, target="a"), "r1"), (DEMOTE, "r1"), (PROMOTE_B, "")],
    ids=["named", "whoever is best", "another one is named"],
)
def test_whoever_would_take_over_confirms_at_once(request_: Switchover, confirmed: str) -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(held()), after=10)
    published = play.one(cmd.PublishMember, play.do(ev.RequestSeen(70, request_), after=1))
    assert (published.reply.confirms if isinstance(published, cmd.PublishMember) else "") == confirmed
