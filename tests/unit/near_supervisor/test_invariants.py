"""Any events in any order: the rules of the safety rule hold after every step, and the core never breaks.

The events need not be plausible. The full simulation, with a model of each outside part, is a suite of its
own; here the core alone is shown to keep its word whatever it is told.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from near_ha.records.cluster import MemberStatus
from near_ha.records.lease_record import LeaseState
from near_ha.records.switchover import Action, Phase, Switchover
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.facts import lease
from near_supervisor.core.facts.answer import YES, Answer, Kind
from near_supervisor.core.facts.lease_view import Seen
from near_supervisor.core.machine import next_wakeup, step
from support.core_play import NO, UNKNOWN, D, Play, held, record, released, sample, standby

ANSWERS = st.sampled_from([YES, NO, UNKNOWN])
PAUSES = st.sampled_from([0, 1, 53, 400, 1_001, 3_002, D // 2, D + 4, 3 * D])
LEASES = st.sampled_from(
    [
        Seen(None),
        Seen(None, kept=record(lease_ms=2 * D, height=10**6), kept_index=49),
        released(),
        released(handover_to="c"),
        held(51),
        held(52, height=10**6),
        replace(held(53), session=None),
        replace(held(54, node_id="a"), session="session-a"),
        Seen(60, None, "node", "session-k"),
    ]
)


PROMOTE_B = Switchover("r1", Action.PROMOTE, "b", "", "", 0, timeout_ms=2 * D)
REQUESTS = [
    None,
    PROMOTE_B,
    replace(PROMOTE_B, id="r2", action=Action.DEMOTE, target="", force=True),
    replace(PROMOTE_B, target="a"),
    PROMOTE_B.accepted("a", 8, "b", 0),
    PROMOTE_B.accepted("b", 7, "a", 0),
    PROMOTE_B.ended(Phase.FAILED, "b", 0, "nobody"),
]


class AnyOrder(RuleBasedStateMachine):
    """The core with everything around it replaced by chance; only the guard's neard is kept honest."""

    def __init__(self) -> None:
        super().__init__()
        self.play = Play()
        self.pid = 100
        self.running: tuple[int, bool] | None = None
        self.asked_to_start: cmd.StartNeard | None = None
        self.sent: list[int] = []
        self.bought = 0

    @initialize(holder=st.booleans())
    def begin(self, holder: bool) -> None:
        """Half of the runs begin as a standby, half with the lease just acquired: the rest is left to chance."""
        if holder:
            self.play.to_leadership()
            self.sent.append(self.play.now)
        else:
            self.play.to_voting()
        self.running = (100, False)

    def tell(self, event: ev.Event, after: int = 0) -> None:
        armed_before = self.play.node.armed
        for command in self.play.do(event, after):
            self.check(command, armed_before)

    def check(self, command: cmd.Command, armed_before: bool) -> None:
        now = self.play.now
        match command:
            case cmd.StartNeard(armed, deadline):
                assert self.running is None, "one neard at a time"
                self.asked_to_start = command
                if armed:
                    assert deadline is not None
                    assert deadline > now, "armed only under a deadline in the future"
                    assert deadline <= self.bought, "a deadline that a heartbeat bought"
                    leadership = self.play.node.leadership
                    assert leadership is not None
                    assert self.play.height > leadership.floor.height, "above what the predecessor may have signed"
            case cmd.MoveDeadline(deadline):
                assert deadline <= self.bought, "not knowing never lengthens a deadline"
            case cmd.Release(_, record):
                assert record.state is LeaseState.RELEASED
                assert self.running is None or not self.running[1], "released while armed"
                assert not (self.asked_to_start and self.asked_to_start.armed), "released while arming"
            case cmd.Heartbeat(at, _, record):
                assert record.state is LeaseState.VALIDATING
                assert at == now
                self.sent.append(at)
            case cmd.Exit(_, detach):
                assert detach or self.running is None, "left a neard behind"
            case cmd.Acquire():
                assert not armed_before, "an armed node never stands for election"

    @rule(after=st.sampled_from([0, 53, 402]), rounds=st.integers(1, 6))
    def all_goes_well(self, after: int, rounds: int) -> None:
        """Everything that was asked for happens: without this, chance alone hardly ever arms a neard."""
        for _ in range(rounds):
            self.registered("session-a")
            self.acquire_is_answered(YES, after)
            self.heartbeat_is_answered(YES, after)
            self.release_is_answered(YES)
            neard = self.play.node.neard
            if neard is not None and neard.ending:
                self.neard_ends(0)
            self.neard_starts()
            self.neard_is_polled(after, 2, False, False)

    @rule(after=PAUSES)
    def time_passes(self, after: int) -> None:
        self.tell(ev.Tick(), after)

    @rule(after=PAUSES, step=st.integers(0, 3), syncing=st.booleans(), silent=st.booleans())
    def neard_is_polled(self, after: int, step: int, syncing: bool, silent: bool) -> None:
        if self.running is None or silent:
            self.tell(self.play.polled(None, "refused"), after)
            return
        self.play.height += step
        self.tell(self.play.polled(sample(self.play.height, self.play.height + 1, syncing=syncing)), after)

    @rule()
    def neard_starts(self) -> None:
        if self.asked_to_start is not None:
            self.pid += 1
            self.running = (self.pid, self.asked_to_start.armed)
            self.asked_to_start = None
            self.tell(ev.NeardStarted(*self.running))

    @rule()
    def neard_is_refused(self) -> None:
        if self.asked_to_start is not None:
            self.asked_to_start = None
            self.tell(ev.NeardRefused("LOCK is held"))

    @rule(after=PAUSES)
    def neard_ends(self, after: int) -> None:
        if self.running is not None:
            (pid, _), self.running = self.running, None
            self.tell(ev.NeardExited(pid, "signal 9"), after)

    @precondition(lambda self: self.play.now % 5 == 0)
    @rule()
    def the_guard_dies(self) -> None:
        self.asked_to_start = None
        self.tell(ev.GuardLost())

    @rule()
    def the_guard_comes(self) -> None:
        if self.running is None and self.asked_to_start is None:
            self.tell(ev.GuardReady())

    @rule(number=st.sampled_from(["session-a", "session-x"]))
    def registered(self, number: str) -> None:
        if self.play.node.membership.registering:
            self.tell(ev.Registered(number, self.play.now))

    @rule(paused=st.sampled_from([True, False, None]))
    def the_cluster_is_paused(self, paused: bool | None) -> None:
        self.tell(ev.ConfigSeen(paused))

    @rule(number=st.sampled_from(REQUESTS), index=st.integers(60, 90), after=PAUSES)
    def a_request_is_seen(self, number: Switchover | None, index: int, after: int) -> None:
        self.tell(ev.RequestSeen(index, number), after)

    @rule(answer=ANSWERS)
    def a_request_is_moved(self, answer: Answer) -> None:
        if self.play.node.switchover.moving is not None:
            self.tell(ev.RequestMoved(self.play.node.switchover.moving.id, answer))

    @rule(there=st.lists(st.sampled_from([standby("b"), standby("c", ready=False)])), unknown=st.booleans())
    def members_are_seen(self, there: list[MemberStatus], unknown: bool) -> None:
        self.tell(ev.MembersSeen(self.play.now, None if unknown else tuple(there)))

    @rule(answer=ANSWERS)
    def session_is_renewed(self, answer: Answer) -> None:
        if self.play.node.session is not None:
            self.tell(ev.SessionRenewed(self.play.node.session.id, self.play.now, answer))

    @rule(seen=LEASES, after=PAUSES)
    def lease_is_seen(self, seen: Seen, after: int) -> None:
        self.tell(ev.LeaseSeen(seen), after)

    @rule(answer=ANSWERS, after=PAUSES)
    def acquire_is_answered(self, answer: Answer, after: int) -> None:
        if self.play.node.candidate.acquiring:
            self.tell(ev.AcquireAnswered(answer), after)

    @rule(answer=ANSWERS, after=PAUSES)
    def heartbeat_is_answered(self, answer: Answer, after: int) -> None:
        leadership = self.play.node.leadership
        if leadership is not None and leadership.beating:
            sent_at = self.sent[-1]
            if answer.kind is Kind.YES:
                self.bought = max(self.bought, lease.hold_until(sent_at, D))
            self.tell(ev.HeartbeatAnswered(leadership.term, sent_at, answer), after)

    @rule(answer=ANSWERS)
    def release_is_answered(self, answer: Answer) -> None:
        if self.play.node.leadership is not None and self.play.node.leadership.release.under_way:
            self.tell(ev.ReleaseAnswered(answer))

    @precondition(lambda self: self.play.now % 5 == 1 and self.play.node.closing is None)
    @rule()
    def somebody_wants_it_to_stop(self) -> None:
        self.tell(ev.StopAsked("SIGTERM"))

    @invariant()
    def an_armed_neard_without_a_lease_has_been_killed(self) -> None:
        node = self.play.node
        if node.neard is not None and node.neard.armed and node.leadership is None:
            assert node.neard.killed or node.neard.ending

    @invariant()
    def an_armed_neard_past_its_deadline_has_been_killed(self) -> None:
        node = self.play.node
        if node.neard is None or not node.neard.armed or node.leadership is None or node.leadership.deadline is None:
            return
        assert self.play.now < node.leadership.deadline or node.neard.killed

    @invariant()
    def one_event_has_all_its_consequences_at_once(self) -> None:
        assert step(self.play.node, ev.Tick(), self.play.now) == (self.play.node, [])

    @invariant()
    def it_can_be_left_alone_until_it_wants_to_be_woken(self) -> None:
        node, now = self.play.node, self.play.now
        due = next_wakeup(node, now)
        assert due > now
        for early in {(now + due) // 2, due - 1}:
            assert step(node, ev.Tick(), early) == (node, [])


AnyOrder.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestAnyOrder = AnyOrder.TestCase
