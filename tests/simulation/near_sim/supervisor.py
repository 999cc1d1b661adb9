"""One supervisor process: the real core, and the lanes of its driver as a model."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core import lease
from near_supervisor.core.answer import YES, Answer, Kind
from near_supervisor.core.machine import heartbeat_timeout_ms, next_wakeup, step
from near_supervisor.core.model import Node

from .world import Violation

if TYPE_CHECKING:
    from .host import Host

SLOW_TIMEOUT_MS = 3_000
STOP_TIMEOUT_MS = 6_000


class Supervisor:
    """A process that may crash between two commands, and stand still for any time."""

    def __init__(self, host: Host) -> None:
        self._host, self._world, self._link = host, host.world, host.link
        self.node = Node(host.settings)
        self.alive = True
        self.paused = False
        self.crash_chance = 0.0
        self._backlog: deque[ev.Event] = deque()
        self._wake_at = -1
        self._lane: deque[tuple[Callable[[], Answer], Callable[[Answer], ev.Event]]] = deque()
        self._lane_busy = False
        self._looking = False
        self._bought = 0
        self._look_again = False
        self.timeout = heartbeat_timeout_ms(host.settings.lease_ms)
        self.post(ev.Tick())
        self.look()

    # --- events

    def post(self, event: ev.Event) -> None:
        """An event for the core; it waits while the process stands still."""
        if not self.alive:
            return
        if self.paused:
            self._backlog.append(event)
            return
        now = self._host.clock.now()
        before = self.node
        self.node, commands = step(before, event, now)
        if before.tenure is not None and self.node.tenure is None:
            self.look()
        if before.state is not self.node.state:
            self._world.reached[f"{before.state.value} -> {self.node.state.value}"] += 1
        for command in commands:
            if self.crash_chance and self._world.chance(self.crash_chance):
                self._host.crash_supervisor()
                return
            self._carry_out(command)
        self._set_alarm()

    def _set_alarm(self) -> None:
        real = self._host.clock.real(next_wakeup(self.node, self._host.clock.now()))
        if real != self._wake_at:
            self._wake_at = real
            self._world.at(real, lambda: self._wake(real))

    def _wake(self, real: int) -> None:
        if self._wake_at == real:
            self._wake_at = -1
            self.post(ev.Tick())

    def resume(self) -> None:
        """Go on where it stood still: what came in between is handled now, in order."""
        self.paused = False
        while self._backlog and self.alive and not self.paused:
            self.post(self._backlog.popleft())

    # --- commands

    def _carry_out(self, command: cmd.Command) -> None:
        host, world, consul, guard = self._host, self._world, self._host.consul, self._host.guard
        match command:
            case cmd.Say(_, message):
                world.note(host.name, message)
            case cmd.PollNeard(pid, armed):
                self._poll(pid, armed)
            case cmd.StartGuard():
                world.after(world.between(5, 200), host.attach_guard)
            case cmd.StartNeard(armed, deadline):
                if guard is not None:
                    guard.start(armed, deadline, host.memory.tag if armed and host.memory else "")
            case cmd.StopNeard():
                if guard is not None:
                    guard.stop(STOP_TIMEOUT_MS)
            case cmd.KillNeard():
                if guard is not None:
                    guard.kill()
            case cmd.MoveDeadline(deadline):
                self._check_deadline(deadline)
                if guard is not None:
                    guard.move(deadline)
            case cmd.Remember(memory):
                host.memory = memory
            case cmd.Forget():
                host.memory = None
            case cmd.Exit(_, detach):
                host.supervisor_left(detach)
            case cmd.DropSession(session):
                self._link.ask(lambda: consul.drop(session), lambda _: None, SLOW_TIMEOUT_MS)
            case cmd.Register():
                self._register()
            case cmd.RenewSession(session):
                sent_at = host.clock.now()
                self._link.ask(
                    lambda: consul.renew(session),
                    lambda answer: self.post(ev.SessionRenewed(session, sent_at, answer)),
                    SLOW_TIMEOUT_MS,
                )
            case cmd.ReadMembers():
                ready = tuple(ev.Member(name, True) for name in host.ready_others())
                world.after(self._link.delay(), lambda: self.post(ev.MembersSeen(ready)))
            case _:
                self._about_lease(command)

    def _about_lease(self, command: cmd.Command) -> None:
        consul = self._host.consul
        match command:
            case cmd.NoteVacancy(record):
                self._queue(lambda: consul.note_vacancy(record), ev.VacancyNoted)
            case cmd.Acquire(how, index, session, record):
                self._queue(lambda: consul.acquire(how, index, session, record), ev.AcquireAnswered)
            case cmd.Heartbeat(at, session, record):
                term = record.term

                def answered(answer: Answer) -> ev.Event:
                    if answer.kind is Kind.YES:
                        self._bought = max(self._bought, at + self._host.settings.lease_ms * 8 // 10)
                    return ev.HeartbeatAnswered(term, at, answer)

                self._queue(lambda: consul.heartbeat(session, record), answered)
            case cmd.Release(session, record):
                self._check_release()
                self._queue(lambda: consul.release(session, record), ev.ReleaseAnswered)

    def _queue(self, apply: Callable[[], Answer], event: Callable[[Answer], ev.Event]) -> None:
        self._lane.append((apply, event))
        if not self._lane_busy:
            self._next_on_lane()

    def _next_on_lane(self) -> None:
        apply, event = self._lane.popleft()
        self._lane_busy = True

        def hear(answer: Answer) -> None:
            self._lane_busy = False
            self.post(event(answer))
            if self._lane and not self._lane_busy and self.alive:
                self._next_on_lane()

        # The lane's own thread may be held up before it sends.
        held = self._world.between(0, 3_000) if self._world.chance(0.01) else 0
        self._world.after(held, lambda: self._link.ask(apply, hear, self.timeout) if self.alive else None)

    def _register(self) -> None:
        host = self._host
        sent_at, made = host.clock.now(), [""]

        def create() -> Answer:
            ttl = lease.session_ttl_ms(host.settings.lease_ms)
            made[0] = host.consul.create_session(ttl, host.settings.lease_ms)
            return YES

        def hear(answer: Answer) -> None:
            known = answer.kind is Kind.YES
            self.post(ev.Registered(made[0], sent_at) if known else ev.RegisterFailed(answer.reason))

        self._link.ask(create, hear, SLOW_TIMEOUT_MS)

    def _poll(self, pid: int, armed: bool) -> None:
        host = self._host
        asked_at = host.clock.now()
        neard = host.guard.neard if host.guard else None
        answers = neard is not None and neard.pid == pid and neard.up and host.neard.speaks

        def say() -> None:
            if not answers:
                self.post(ev.Polled(pid, asked_at, None, "no answer"))
                return
            if neard is not None:
                neard.sign()
            self.post(ev.Polled(pid, asked_at, host.neard.sample(armed)))

        self._world.after(self._world.between(1, 30) if answers else 1_000, say)

    # --- the watch

    def look(self) -> None:
        """Read the lease, if this node does not hold it; one read at a time."""
        if self._looking or not self.alive or self.node.tenure is not None or not self._link.up:
            self._look_again = self._looking
            return
        consul, world = self._host.consul, self._world
        if not consul.leads:
            world.at(consul.leaderless_until + 50, self.look)
            return
        self._looking, self._look_again = True, False
        seen = consul.seen

        def hear() -> None:
            self._looking = False
            if self._link.up:
                self.post(ev.LeaseSeen(seen))
            if self._look_again or consul.seen is not seen:
                self.look()

        world.after(self._link.delay(), hear)

    # --- what the core must never do

    def _check_release(self) -> None:
        guard = self._host.guard
        if guard is not None and guard.neard is not None and guard.neard.armed:
            raise Violation(f"{self._host.name} releases while neard {guard.neard.pid} is armed")

    def _check_deadline(self, deadline: int) -> None:
        if deadline > self._bought:
            raise Violation(f"{self._host.name} moves the deadline to {deadline}, a heartbeat bought {self._bought}")
