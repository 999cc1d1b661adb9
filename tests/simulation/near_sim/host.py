"""One host: clock, link to Consul, node with its guard, supervisor; and what can be done to it."""

from __future__ import annotations

from near_ha.states import State
from near_supervisor.core import events as ev
from near_supervisor.core.model import Memory
from near_supervisor.core.settings import Settings

from .chain import Chain
from .clock import BootClock
from .consul import Consul
from .link import Link
from .neard import Guard, NeardHost
from .supervisor import Supervisor
from .world import World


class Host:
    """A validator host of the cluster."""

    def __init__(self, world: World, consul: Consul, chain: Chain, settings: Settings, drift: float) -> None:
        self.world, self.consul, self.settings, self.name = world, consul, settings, settings.node_id
        self.clock = BootClock(world, drift)
        self.link = Link(world, consul)
        self.neard = NeardHost(world, chain, self.clock, self.name)
        self.guard: Guard | None = None
        self.memory: Memory | None = None
        self.others: list[Host] = []
        self._pid = 0
        self.supervisor: Supervisor | None = Supervisor(self)
        self.link.healed = self._look
        consul.watch(self._look)

    def _look(self) -> None:
        if self.supervisor is not None:
            self.supervisor.look()

    def ready_others(self) -> list[str]:
        """Other nodes that stand ready now."""
        alive = [other for other in self.others if other.supervisor is not None]
        return [other.name for other in alive if other.supervisor and other.supervisor.node.state is State.VOTING]

    # --- the guard

    def attach_guard(self) -> None:
        """The supervisor finds the guard that is there, or gets a new one."""
        supervisor = self.supervisor
        if supervisor is None:
            return
        if self.guard is None or not self.guard.alive:
            self.guard = Guard(self.neard, self._next_pid)
        guard = self.guard
        guard.post = supervisor.post
        neard, tag = guard.neard, self.memory.tag if self.memory else None
        ended = guard.last_exit[1] if guard.last_exit and guard.last_exit[0] == tag else ""
        if neard is None:
            supervisor.post(ev.GuardReady(memory=self.memory if ended else None, ended=ended))
            return
        known = self.memory if ended or (neard.armed and neard.tag == tag) else None
        deadline = guard.deadline if neard.armed else None
        supervisor.post(ev.GuardReady(neard.pid, neard.armed, deadline, known, ended))

    def _next_pid(self) -> int:
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
            self.memory = None
        self.world.after(self.world.between(100, 12_000), self.start_supervisor)

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
            self.supervisor = Supervisor(self)

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
            node.stopped = False
            if supervisor is not None:
                supervisor.resume()

        self.world.after(duration, resume)

    def end_neard(self) -> None:
        """neard crashes."""
        if self.guard is not None and self.guard.neard is not None:
            self.guard.ended(self.guard.neard, "signal 6 (SIGABRT)")
