"""Who stands for a lease that is to be had, and how much later than it could."""

from __future__ import annotations

from dataclasses import replace

import pytest

from near_ha.records.cluster import MemberStatus
from near_ha.records.switchover import Action, Switchover
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.conditions import election
from near_supervisor.core.conditions.election import stands_at
from near_supervisor.core.facts.answer import YES
from near_supervisor.core.facts.leadership import Floor, Leadership, Release
from near_supervisor.core.facts.lease_view import Seen, Watch
from near_supervisor.core.facts.model import Candidate, Cluster, EarlyEnds, Node, SwitchoverView
from support.core_play import SETTINGS, D, Play, held, released, sample, standby

FREE = released()
OWN = released(node_id="a", hostname="host-a")
GIVEN_AWAY = released(node_id="a", hostname="host-a", handover_to="c")
LEFT = released(leaves=True)
# This node's own leadership has ended early, and it is known who is there.
COOLS: dict[str, object] = {"cool_until": 4_000, "failures": 1, "read_at": 0}
FOR_C = Switchover("r1", Action.PROMOTE, "c", "alice", "", 0)
FOR_US = replace(FOR_C, target="a")
GIVEN = FOR_C.accepted("a", 7, "c", 1)


def waits(
    seen: Seen,
    priority: int = 100,
    *,
    paused: bool | None = False,
    request: Switchover | None = None,
    members: tuple[MemberStatus, ...] = (),
    read_at: int | None = None,
    cool_until: int = 0,
    failures: int = 0,
    against: tuple[str, ...] = (),
) -> int | None:
    """So long after ``seen`` was first seen this node stands; None for never."""
    node = Node(
        replace(SETTINGS, priority=priority),
        candidate=Candidate(watch=Watch(seen, 1_000)),
        cluster=Cluster(members, read_at, paused=paused),
        early_ends=EarlyEnds(failures=failures, cool_until=cool_until),
        switchover=SwitchoverView(request),
        against=against,
    )
    at = stands_at(node)
    return None if at is None else at - 1_000


@pytest.mark.parametrize(
    ("seen", "facts", "wait"),
    [
        pytest.param(FREE, {}, 0, id="free: at once"),
        pytest.param(FREE, {"priority": 50}, D // 4, id="a lower priority comes later"),
        pytest.param(FREE, {"priority": 1}, 99 * D // 200, id="the lowest, half a lease"),
        pytest.param(FREE, {"priority": 0}, None, id="priority 0: never by itself"),
        pytest.param(held(), {"priority": 50}, D + D // 4, id="that comes on top of the wait for a silent holder"),
        pytest.param(FREE, {"paused": True}, None, id="paused: nobody else's role"),
        pytest.param(FREE, {"paused": None}, None, id="not known yet whether it is paused"),
        pytest.param(OWN, {"paused": True}, 0, id="paused: who had it may have it again"),
        pytest.param(held(node_id="a", hostname="host-a"), {"paused": True}, D, id="paused: again after its silence"),
        pytest.param(FREE, {"request": FOR_C}, D // 2, id="somebody else is wanted"),
        pytest.param(FREE, {"request": FOR_US, "priority": 0, "paused": True}, 0, id="this one is wanted"),
        pytest.param(held(), {"request": FOR_US}, D, id="being wanted shortens no wait"),
        pytest.param(released(handover_to="a"), {"priority": 0}, 0, id="the predecessor named this node"),
        pytest.param(released(handover_to="c"), {}, D, id="the predecessor named another one"),
        pytest.param(GIVEN_AWAY, {}, D // 2, id="given away, and not taken: back after half a lease"),
        pytest.param(GIVEN_AWAY, {"priority": 0}, D // 2, id="also when it never stands by itself"),
        pytest.param(
            FREE, {"request": GIVEN, "paused": True}, D // 2, id="paused: who gave its role answers for the end"
        ),
        pytest.param(held(), {"request": GIVEN, "paused": True}, D + D // 2, id="also when the successor fell silent"),
        pytest.param(FREE, {"request": GIVEN, "priority": 0}, D, id="also when it never stands by itself otherwise"),
        pytest.param(FREE, {"request": replace(GIVEN, source="b"), "paused": True}, None, id="a third one does not"),
        pytest.param(FREE, {"cool_until": 4_000}, 3_000, id="cooling down"),
        pytest.param(FREE, {"cool_until": 4_000, "request": FOR_US}, 0, id="a person's request ends the cooling down"),
        pytest.param(LEFT, COOLS, 0, id="nobody is left whom it could let go first"),
        pytest.param(LEFT, {**COOLS, "members": (standby("b"),)}, 0, id="but the one that has just left"),
        pytest.param(LEFT, {**COOLS, "members": (standby("c"),)}, 3_000, id="but a third one"),
        pytest.param(
            LEFT, {**COOLS, "members": (replace(standby("c"), session=None),)}, 0, id="but a third one that is gone"
        ),
        pytest.param(
            LEFT, {**COOLS, "members": (MemberStatus("c", None, "s"),)}, 3_000, id="but one that cannot be read"
        ),
        pytest.param(LEFT, {**COOLS, "read_at": None}, 3_000, id="who is there is not known"),
        pytest.param(LEFT, {**COOLS, "failures": 2}, 3_000, id="what failed twice is tried more rarely all the same"),
        pytest.param(FREE, COOLS, 3_000, id="the one that released it has not left"),
    ],
)
def test_when_this_node_stands(seen: Seen, facts: dict[str, object], wait: int | None) -> None:
    assert waits(seen, **facts) == wait  # type: ignore[arg-type]


def fail(play: Play) -> Leadership:
    """The leadership ends because its neard did."""
    leadership = play.node.leadership
    assert leadership is not None
    pid = play.node.neard.pid if play.node.neard else 0
    play.do(ev.NeardExited(pid, "signal 6 (SIGABRT)"))
    play.do(ev.ReleaseAnswered(YES))
    return leadership


def ends(play: Play, **facts: object) -> int:
    """One more leadership of this node ends; for how long it lets others go first."""
    leadership = Leadership("s", 9, Floor(1), play.now, play.now, **{"release": Release("x"), **facts})  # type: ignore[arg-type]
    play.node = replace(play.node, leadership=leadership)
    play.do(ev.ReleaseAnswered(YES))
    return play.node.early_ends.cool_until - play.now


def test_a_neard_that_ends_as_a_validator_is_tried_again_after_a_lease() -> None:
    play = Play().to_validating()
    fail(play)
    assert (play.node.early_ends.flaps, play.node.early_ends.cool_until - play.now) == (1, D)
    said = "a leadership of this node ended early (neard finished unexpectedly with signal 6 (SIGABRT)), 1 in a row"
    assert f"{said} by now: it lets others go first for 10 s" in play.said()


def test_what_fails_again_and_again_is_tried_ever_more_rarely() -> None:
    play = Play().to_voting()
    longest = election.LONGEST_COOL_DOWN_MS
    assert [ends(play) for _ in range(9)] == [D, 2 * D, 4 * D, 8 * D, 16 * D, *[longest] * 4]
    play.node = replace(play.node, early_ends=replace(play.node.early_ends, failures=10**6))
    assert ends(play) == longest


def test_a_lease_longer_than_the_longest_wait_is_waited_for() -> None:
    play = Play(Node(replace(SETTINGS, lease_ms=600_000))).to_voting()
    assert [ends(play) for _ in range(3)] == [600_000] * 3


@pytest.mark.parametrize(
    ("facts", "ended_at"),
    [
        pytest.param({"release": Release()}, None, id="the lease was lost"),
        pytest.param({"deadline": -1}, 0, id="it could not be renewed before its deadline"),
        pytest.param({"signs_at": -D}, None, id="it has signed for a lease"),
    ],
)
def test_what_neard_was_not_to_blame_for_costs_nothing_at_first_and_never_much(
    facts: dict[str, object], ended_at: int | None
) -> None:
    play = Play().to_voting()
    at = {name: value + play.now if isinstance(value, int) else value for name, value in facts.items()}
    play.node = replace(play.node, signer_ended_at=None if ended_at is None else play.now + ended_at)
    assert [ends(play, **at) for _ in range(5)] == [0, D, 2 * D, 3 * D, 3 * D]
    assert play.node.early_ends.failures == 0


def test_nor_does_that_make_the_waits_of_a_failure_longer_and_a_lease_that_was_signed_ends_them() -> None:
    play = Play().to_voting()
    for _ in range(6):
        ends(play, signs_at=play.now - D)
    assert [ends(play), ends(play)] == [D, 2 * D]
    ends(play, release=Release())
    assert ends(play) == 4 * D
    ends(play, signs_at=play.now - D)
    assert ends(play) == D


def test_another_ones_failures_hold_nobody_back() -> None:
    """However often it was released by one whose neard fails, whoever has not failed takes it at once."""
    for term in range(7, 20):
        assert waits(released(term=term, reason="neard finished unexpectedly", unsigned_ms=60_000)) == 0


def test_a_long_leadership_makes_good_for_the_short_ones() -> None:
    play = Play().to_validating()
    assert play.node.leadership is not None
    signed_long = replace(
        play.node.leadership, signs_at=play.now - 10 * D, release=replace(play.node.leadership.release, reason="x")
    )
    play.node = replace(
        play.node, early_ends=replace(play.node.early_ends, flaps=3, failures=2), neard=None, leadership=signed_long
    )
    play.do(ev.ReleaseAnswered(YES))
    assert (play.node.early_ends.flaps, play.node.early_ends.failures) == (0, 0)


def test_a_hand_over_that_was_asked_for_is_no_failure() -> None:
    play = Play().to_validating()
    assert play.node.leadership is not None
    play.node = replace(play.node, neard=None, leadership=play.node.leadership.to_be_released("x", "b"))
    play.do(ev.ReleaseAnswered(YES))
    assert play.node.early_ends.flaps == 0


def test_a_paused_active_that_is_behind_stays_though_a_standby_is_ready() -> None:
    play = Play().to_validating()
    play.do(ev.ConfigSeen(paused=True))
    for _ in range(14):
        out = play.do(play.polled(sample(play.height, syncing=True)), after=1_000)
        play.heartbeat()
        if play.node.cluster.reading:
            out += play.do(ev.MembersSeen(play.now, (standby("b"),)))
        assert not play.one(cmd.StopNeard, out)
    assert "the cluster is paused: this node stays the validator" in play.said()


def test_being_paused_is_said_aloud_and_so_is_its_end() -> None:
    play = Play().to_voting()
    assert "paused" not in play.said()
    play.do(ev.ConfigSeen(paused=True))
    assert "the cluster is paused" in play.said()
    play.do(ev.ConfigSeen(paused=None))
    assert play.node.cluster.paused is True, "a value that cannot be read changes nothing"
    play.do(ev.ConfigSeen(paused=False))
    assert "not paused any more" in play.said()
    assert play.one(cmd.Acquire, play.do(ev.LeaseSeen(released())))


@pytest.mark.parametrize("name", ["peers", "restart", "tracking"])
def test_whose_takeover_would_be_a_worse_one_lets_a_better_one_go_first_but_nobody_else(name: str) -> None:
    def flawed(seen: Seen, *members: MemberStatus) -> int | None:
        return waits(seen, against=(name,), members=members)

    assert flawed(FREE) == 0
    assert waits(FREE, members=(standby("c"),)) == 0
    assert flawed(FREE, standby("c")) == D // 2
    for other in (standby("c", reasons=(name,)), standby("c", ready=False), replace(standby("c"), session=None)):
        assert flawed(FREE, other) == 0
    assert flawed(FREE, standby("c", reasons=("disk",))) == D // 2
    silent = replace(held(), session="session-b")
    assert flawed(silent, standby("b")) == D, "who fell silent is none"
