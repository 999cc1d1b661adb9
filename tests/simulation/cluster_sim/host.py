"""One host: clock, link to Consul, node with its guard, supervisor; and what can be done to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import NamedTuple

from near_ha.records.cluster import MemberStatus
from near_ha.records.member_record import Member
from near_ha.records.states import State
from near_supervisor.core import events as ev
from near_supervisor.core.facts.consent import NOTHING
from near_supervisor.core.facts.leadership import SavedState
from near_supervisor.core.facts.settings import Settings

from .chain import Chain
from .clock import BootClock
from .consul import Consul
from .guard import Guard
from .link import Link
from .neard import NeardHost
from .requests import Requests
from .supervisor import Supervisor
from .world import World

BUSY_MS = 15
PROMPT_MS = 20


class Shared(NamedTuple):
    """What all hosts of a cluster have in common."""

    consul: Consul
    chain: Chain
    requests: Requests


class Host:
    """A validator host of the cluster.

    ``look_gap_ms`` is how long its watch of the lease rests between two reads; ``worker_is_held_up``: now and then the
    thread that sends heartbeats gets no time; ``pauses_starting``: so long the whole host will stand still when it is
    next about to arm; ``watchful``: look whether the core keeps still when it may.
    """

    def __init__(self, world: World, shared: Shared, settings: Settings, drift: float) -> None:
        self.world, self.settings, self.name = world, settings, settings.node_id
        self.longest_lease_ms = settings.lease_ms
        self.consul, chain, self.requests = shared
        self.clock = BootClock(world, drift)
        self.link = Link(world, self.consul, self._look)
        self.neard = NeardHost(world, chain, self.clock, self.name)
        self.look_gap_ms = world.rng.choice((PROMPT_MS, settings.lease_ms // 4, *2 * (settings.lease_ms // 2,)))
        self.guard: Guard | None = None
        self.memory: SavedState | None = None
        self.others: list[Host] = []
        self.watchful = False
        self.worker_is_held_up = True
        self.pauses_starting = 0
        self.kept_index = self.kept_term = 0
        self._asked: list[tuple[Guard, Callable[[Guard], None]]] = []
        self._asked_until = 0
        self._pid = 0
        self.supervisor: Supervisor | None = self.make_supervisor()
        self.consul.watch(self._look)
        self.requests.watch(self._look_at_requests)

    def make_supervisor(self) -> Supervisor:
        """A process of this host."""
        return Supervisor(self)

    def make_guard(self) -> Guard:
        """Another one."""
        return Guard(self.neard, self.next_pid)

    @property
    def state(self) -> str:
        """kuutamod's word for what the supervisor does, or "none"."""
        return self.supervisor.node.state.value if self.supervisor is not None else "none"

    @property
    def signs(self) -> bool:
        """Is there an armed neard that is up and does its work?"""
        neard = self.guard.neard if self.guard is not None else None
        return neard is not None and neard.loaded and neard.up and not neard.hangs

    @property
    def guard_is_stuck(self) -> bool:
        """Does its guard do nothing at the moment?"""
        return self.neard.stopped

    @property
    def runs(self) -> bool:
        """Does nothing of it stand still or lack?"""
        return self.supervisor is not None and not self.supervisor.paused and not self.neard.stopped

    def other_members(self) -> tuple[MemberStatus, ...]:
        """What the other nodes say of themselves now."""
        return tuple(other.standing() for other in self.others)

    def standing(self) -> MemberStatus:
        """What this node's member record says."""
        mine, ready = self.settings, self.state == State.VOTING.value
        names = (mine.node_id, mine.hostname, self.name, self.state)
        published = self.supervisor.node.membership.published if self.supervisor is not None else None
        record = Member(
            *names,
            ready,
            "",
            0,
            mine.lease_ms,
            mine.validator_public_key,
            mine.priority,
            reasons=published[2] if published is not None else (),
            **asdict(published[3] if published is not None else NOTHING),
        )
        return MemberStatus(mine.member_id, record, self.name)

    def _look_at_requests(self) -> None:
        if self.supervisor is not None:
            self.supervisor.look_at_requests()

    def _look(self) -> None:
        if self.supervisor is not None:
            self.supervisor.look()

    def calm(self) -> None:
        """No fault goes on but a pause, which ends by itself."""
        self.link.heal()
        self.neard.recover()
        self.worker_is_held_up = False
        self.pauses_starting = 0
        self.look_gap_ms = PROMPT_MS
        if self.supervisor is not None:
            self.supervisor.crash_chance = 0.0

    # --- the guard

    def attach_guard(self) -> None:
        """The supervisor finds the guard that is there, or gets a new one."""
        supervisor = self.supervisor
        if supervisor is None:
            return
        if self.guard is None or not self.guard.alive:
            self.guard = self.make_guard()
        guard = self.guard
        guard.post = supervisor.post
        neard, tag = guard.neard, self.memory.tag if self.memory else None
        ended = guard.last_exit[1] if guard.last_exit and guard.last_exit[0] == tag else ""
        if neard is None:
            supervisor.post(ev.GuardReady(memory=self.memory if ended else None, ended=ended))
            return
        if not neard.armed and tag is not None and guard.gave_up == tag:
            ended = "it gave its key up"
        known = self.memory if ended or (neard.armed and neard.tag == tag) else None
        deadline = guard.deadline if neard.armed else None
        supervisor.found(deadline)
        supervisor.post(ev.GuardReady(neard.pid, neard.armed, deadline, known, ended, as_validator=neard.as_validator))

    def ask_guard(self, request: Callable[[Guard], None]) -> None:
        """Over a socket: in order, a moment later, and carried out even if whoever asked is gone by then."""
        guard, world = self.guard, self.world
        if guard is None:
            return

        def arrive() -> None:
            if self.guard_is_stuck:
                self._asked.append((guard, request))
                self.miss_answer(guard)
            elif guard.alive:
                request(guard)

        busy = world.between(-BUSY_MS, BUSY_MS)
        if busy <= 0 and self._asked_until <= world.now:
            arrive()
            return
        self._asked_until = max(self._asked_until, world.now + busy)
        world.at(self._asked_until, arrive)

    def miss_answer(self, guard: Guard) -> None:
        """A guard leaves a request unanswered, for now."""

    def next_pid(self) -> int:
        """Of the next process."""
        self._pid += 1
        return self._pid

    # --- what happens to it

    def crash_supervisor(self, keep_memory: bool = True) -> None:
        """The process is gone; guard and neard go on. It comes back after a while."""
        if self.supervisor is None:
            return
        self.world.note(self.name, f"the supervisor crashes{'' if keep_memory else ', and its run directory is lost'}")
        self._without_supervisor()
        if not keep_memory:
            self.memory, self.kept_index, self.kept_term = None, 0, 0
        self.world.after(self.world.between(100, 12_000), self.start_supervisor)

    def change_lease(self, lease_ms: int) -> None:
        """Of the supervisors that start from now on."""
        self.settings = replace(self.settings, lease_ms=lease_ms)
        self.longest_lease_ms = max(self.longest_lease_ms, lease_ms)

    def _without_supervisor(self) -> None:
        if self.supervisor is not None:
            self.supervisor.alive = False
        self.supervisor = None
        if self.guard is not None:
            self.guard.post = None

    def start_supervisor(self) -> None:
        """A new process, with what the run directory remembers."""
        if self.supervisor is None:
            self.world.note(self.name, "a supervisor starts")
            self.neard.forget_tip()
            self.supervisor = self.make_supervisor()

    def supervisor_left(self, detach: bool) -> None:
        """The process has ended by itself; somebody starts it again."""
        self.world.note(self.name, "the supervisor leaves" + (", detached" if detach else ""))
        session = self.supervisor.node.session if self.supervisor else None
        self._without_supervisor()
        if not detach:
            if self.guard is not None and self.guard.neard is None:
                self.guard.alive = False
                self.guard = None
            if session is not None:
                self.link.ask(lambda: self.consul.drop(session.id), lambda _: None, 1_000)
        self.world.after(self.world.between(500, 8_000), self.start_supervisor)

    def pause(self, duration: int, whole_host: bool) -> None:
        """The supervisor, or all processes of the host, stand still."""
        supervisor, node = self.supervisor, self.neard
        self.world.note(self.name, f"{'the host' if whole_host else 'the supervisor'} stands still for {duration} ms")
        if supervisor is not None:
            supervisor.paused = True
        if whole_host:
            if self.guard is not None and self.guard.neard is not None:
                self.guard.neard.sign()
            node.stopped = True

        def resume() -> None:
            if whole_host:
                self._thaw()
            if supervisor is not None:
                supervisor.resume()

        self.world.after(duration, resume)

    def _thaw(self) -> None:
        self.neard.stopped = False
        self.unstick_guard()

    def unstick_guard(self) -> None:
        """It goes on where it stood still."""
        asked, self._asked = self._asked, []
        if self.guard is None or not self.guard.alive:
            return
        self.guard.wake()
        for guard, request in asked:
            # What another one was asked for has died with it.
            if guard is self.guard:
                request(guard)

    def end_neard(self) -> None:
        """neard crashes."""
        if self.guard is not None and self.guard.neard is not None:
            self.guard.ended(self.guard.neard, "signal 6 (SIGABRT)")
