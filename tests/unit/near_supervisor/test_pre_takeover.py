"""The hook pre_takeover in the core: who asks it, about what, and what its answer changes. A failover never waits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from near_ha.records.switchover import Action, Phase, Switchover
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.facts.consent import NOTHING, Reply
from near_supervisor.core.facts.model import Node
from support.core_play import SETTINGS, D, Play, held, released, standby

PROMOTE = Switchover("r1", Action.PROMOTE, "a", "alice", "new kernel", 0, term=7)
DEMOTE = replace(PROMOTE, action=Action.DEMOTE, target="")
TO_B = replace(PROMOTE, target="b", term=8)


def target() -> Play:
    """A standby with a hook, of a cluster where ``b`` validates."""
    play = Play(Node(replace(SETTINGS, pre_takeover=True))).to_voting()
    play.do(ev.LeaseSeen(held()), after=10)
    return play


def reply(play: Play, out: list[cmd.Command]) -> Reply:
    published = play.one(cmd.PublishMember, out)
    return published.reply if isinstance(published, cmd.PublishMember) else NOTHING


def holder(request: Switchover, *members: Any) -> tuple[Play, list[cmd.Command]]:
    """A validator that sees the request, reads the members, and hears that neard does not tell its duties."""
    play = Play().to_validating()
    play.do(ev.RequestSeen(70, request))
    out = play.do(ev.MembersSeen(play.now, members))
    return play, out + play.do(ev.DutiesSeen(request.id, None, "it is old"))


def moved(play: Play, out: list[cmd.Command]) -> Switchover:
    command = play.one(cmd.MoveRequest, out)
    assert isinstance(command, cmd.MoveRequest), out
    return command.request


# --- at the one who would take over


@pytest.mark.parametrize("request_", [PROMOTE, DEMOTE], ids=["named", "whoever is best"])
def test_the_hook_is_asked_once_and_the_validator_told_that_it_is(request_: Switchover) -> None:
    play = target()
    out = play.do(ev.RequestSeen(70, request_), after=1)
    asked = play.one(cmd.AskPreTakeover, out)
    assert isinstance(asked, cmd.AskPreTakeover)
    assert asked.request == request_
    assert reply(play, out) == Reply(considers="r1"), "at once, and not that it is there to take over"
    assert not play.one(cmd.AskPreTakeover, play.do(ev.RequestSeen(71, replace(request_, note="it waits"))))
    assert not play.one(cmd.AskPreTakeover, play.wait(D))


def test_a_go_is_confirmed_at_once() -> None:
    play = target()
    play.do(ev.RequestSeen(70, PROMOTE), after=1)
    assert reply(play, play.do(ev.PreTakeoverAnswered("r1", True), after=1)) == Reply(confirms="r1")


def test_a_veto_is_told_at_once_with_its_reason() -> None:
    play = target()
    play.do(ev.RequestSeen(70, PROMOTE), after=1)
    out = play.do(ev.PreTakeoverAnswered("r1", False, "backup runs"), after=1)
    assert reply(play, out) == Reply(vetoes="r1", veto="backup runs")
    assert "backup runs" in play.said()


def test_an_answer_about_another_request_is_none() -> None:
    play = target()
    play.do(ev.RequestSeen(70, PROMOTE), after=1)
    second = replace(PROMOTE, id="r2")
    assert play.one(cmd.AskPreTakeover, play.do(ev.RequestSeen(72, second), after=1)), "another request, another answer"
    assert reply(play, play.do(ev.PreTakeoverAnswered("r1", True), after=1_000)) == Reply(considers="r2") or (
        play.node.membership.published is not None and play.node.membership.published[3] == Reply(considers="r2")
    )
    assert reply(play, play.do(ev.PreTakeoverAnswered("r2", True), after=1)) == Reply(confirms="r2")


@pytest.mark.parametrize(
    "request_",
    [
        replace(PROMOTE, force=True),
        replace(PROMOTE, term=0),
        TO_B,
        replace(PROMOTE, phase=Phase.ACCEPTED, source="b"),
        replace(PROMOTE, phase=Phase.FAILED),
    ],
    ids=["by force", "nobody led", "another is named", "accepted already", "over"],
)
def test_the_hook_is_not_asked(request_: Switchover) -> None:
    play = target()
    out = play.do(ev.RequestSeen(70, request_), after=1)
    assert not play.one(cmd.AskPreTakeover, out + play.wait(D))
    mine = request_.phase is Phase.ASKED and request_.target == "a"
    assert reply(play, out) == (Reply(confirms="r1") if mine else NOTHING)


def test_without_a_hook_nobody_is_asked() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(held()), after=10)
    out = play.do(ev.RequestSeen(70, PROMOTE), after=1)
    assert not play.one(cmd.AskPreTakeover, out)
    assert reply(play, out) == Reply(confirms="r1")


@pytest.mark.parametrize("answer", ["none yet", "veto"])
def test_a_failover_waits_for_no_hook(answer: str) -> None:
    """The validator is gone after the request was made: its lease is taken as if there was no hook."""
    play, plain = target(), Play().to_voting()
    plain.do(ev.LeaseSeen(held()), after=10)
    took = []
    for each in (play, plain):
        each.do(ev.RequestSeen(70, PROMOTE), after=1)
        if answer == "veto":
            each.do(ev.PreTakeoverAnswered("r1", False, "backup runs"), after=1)
        began, out = each.now, list[cmd.Command]()
        while not each.one(cmd.Acquire, out):
            out = each.wait(100)
            if each.node.neard is not None and each.node.poll.under_way:
                out += each.poll()
            assert each.now < began + 3 * D
        took.append(each.now - began)
    assert took[0] == took[1]


@pytest.mark.parametrize("answer", ["none yet", "veto"])
def test_a_lease_that_is_given_back_is_taken_whatever_the_hook_says(answer: str) -> None:
    play = target()
    play.do(ev.RequestSeen(70, PROMOTE), after=1)
    if answer == "veto":
        play.do(ev.PreTakeoverAnswered("r1", False, "backup runs"), after=1)
    assert play.one(cmd.Acquire, play.do(ev.LeaseSeen(released())) + play.wait(100))


# --- at the validator


def test_a_veto_fails_the_request_and_the_validator_signs_on() -> None:
    play, out = holder(TO_B, standby("b", confirms="", vetoes="r1", veto="backup runs"))
    failed = moved(play, out)
    assert (failed.phase, failed.outcome) == (Phase.FAILED, "pre_takeover of b is against it: backup runs")
    assert play.node.armed
    assert not play.one(cmd.StopNeard, out + play.wait(D // 2))


def test_a_veto_of_another_request_is_none() -> None:
    play, out = holder(TO_B, standby("b", confirms="r1", vetoes="r0", veto="backup runs"))
    assert moved(play, out).phase is Phase.ACCEPTED


def test_force_overrules_a_veto() -> None:
    play, out = holder(replace(TO_B, force=True), standby("b", confirms="", vetoes="r1", veto="backup runs"))
    assert moved(play, out).phase is Phase.ACCEPTED


def test_a_hook_that_is_asked_has_longer_than_a_lease() -> None:
    """Its host is there: it has said so. It has the time that the request has, and the validator signs."""
    play, out = holder(TO_B, standby("b", confirms="", considers="r1"))
    asked = play.now
    while not play.one(cmd.MoveRequest, out):
        out = play.wait(500)
        play.heartbeat()
        if play.node.cluster.reading:
            out += play.do(ev.MembersSeen(play.now, (standby("b", confirms="", considers="r1"),)))
        assert play.now <= asked + TO_B.timeout_ms + 1_000
    failed = moved(play, out)
    assert failed.phase is Phase.FAILED
    assert "its pre_takeover has not answered" in failed.outcome
    assert play.now - asked >= TO_B.timeout_ms > D
    assert play.node.armed


def test_a_demote_goes_to_the_best_one_that_agrees() -> None:
    play, out = holder(
        replace(DEMOTE, term=8), standby("b", confirms="", vetoes="r1", veto="no"), standby("c", confirms="r1")
    )
    accepted = moved(play, out)
    assert (accepted.phase, accepted.target) == (Phase.ACCEPTED, "c")


def test_a_demote_that_nobody_agrees_to_says_who_is_against_it() -> None:
    play, out = holder(replace(DEMOTE, term=8), standby("b", confirms="", vetoes="r1", veto=""))
    failed = moved(play, out)
    assert failed.phase is Phase.FAILED
    assert failed.outcome == ("no standby is ready to take over; pre_takeover of b is against it: it does not say why")
