"""A host that may lose its run directory, change its settings between processes, and hear from Consul who is there."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from near_supervisor import signer_settings
from near_supervisor.adapters.guard import ATTACH_MS, ATTACH_RETRY_MS, OVERDUE_MS
from near_supervisor.commandline.options import Options
from near_supervisor.core import events as ev
from near_supervisor.core.facts.answer import Answer
from near_supervisor.core.facts.leadership import SavedState
from near_supervisor.core.facts.settings import Settings
from near_supervisor.io.guard_client import REPLY_TIMEOUT_MS
from near_supervisor.io.neard_config import NeardConfig

from ..guard import Guard
from ..host import Host, Shared
from ..world import World
from .consul import HarshConsul
from .guard import HarshGuard
from .members import Members
from .supervisor import HarshSupervisor

# The guard looks for its socket once a second.
TENDS_EVERY_MS = 1_000
QUIT_TIMEOUT_MS = 30_000
START_AGAIN_MS = 5_000


class HarshHost(Host):
    """``instance`` is the name of this installation, ``dir_is_there`` whether it has its run directory, which cannot be
    made before ``no_dir_until``; ``can_be_found``: the guard's socket is there. ``comes_back_at``: no supervisor starts
    before. ``rpc`` is where its neard answers, by the settings.
    """

    def __init__(self, world: World, shared: Shared, settings: Settings, drift: float) -> None:
        self.instance = f"{settings.node_id}-1"
        self._instances = 1
        self.dir_is_there = self.can_be_found = True
        self.no_dir_until = self.comes_back_at = 0
        self._ending: Guard | None = None
        self.rpc = 3_030
        self._kept_settings: dict[str, str] = {}
        super().__init__(world, shared, settings, drift)

    @property
    def members(self) -> Members:
        """All member records."""
        return cast(HarshConsul, self.consul).members

    def drop(self, session: str) -> Answer:
        """The member record and the session, by their owner."""
        self.members.drop(self.settings.member_id, session)
        return self.consul.drop(session)

    def make_supervisor(self) -> HarshSupervisor:
        """A process of this host."""
        return HarshSupervisor(self)

    def make_guard(self) -> Guard:
        """Another one."""
        self.can_be_found = True
        return HarshGuard(self.neard, self.next_pid)

    @property
    def guard_is_stuck(self) -> bool:
        """It stands still with its host, or alone."""
        return super().guard_is_stuck or (isinstance(self.guard, HarshGuard) and self.guard.is_stuck)

    def hang_guard(self, for_ms: int) -> None:
        """Its guard does nothing for so long, unless the supervisor notices; neard and the kernel go on."""
        guard = self.guard
        if not isinstance(guard, HarshGuard) or not guard.alive:
            return
        self.world.note(self.name, f"the guard hangs for {for_ms} ms")
        guard.hang(for_ms)
        self.world.after(for_ms, lambda: None if self.neard.stopped else self.unstick_guard())
        self.miss_answer(guard)

    def miss_answer(self, guard: Guard) -> None:
        """The supervisor notices after a while, if it still waits for it then."""
        if isinstance(guard, HarshGuard):
            self.world.after(REPLY_TIMEOUT_MS + OVERDUE_MS, lambda: self._kill_stuck(guard))

    def _kill_stuck(self, guard: HarshGuard) -> None:
        """A guard that leaves a request unanswered, or does not greet, is killed: the kernel ends its neard with it."""
        asks = self.supervisor is not None and not self.supervisor.paused and bool(self._asked or guard.post is None)
        if guard is self.guard and guard.is_stuck and not self.neard.stopped and asks:
            self.world.reached["stuck guard killed"] += 1
            guard.die()

    def write_book(self) -> None:
        """What its signer has signed until now."""
        if self.guard is not None and self.guard.neard is not None:
            self.guard.neard.sign()

    # --- settings

    def change_settings(self, **changed: Any) -> None:
        """Of the supervisors that start from now on."""
        self.settings = replace(self.settings, **changed)

    def _signer_settings(self) -> dict[str, str]:
        """What a signer of these settings belongs to, by the function that ships: what it leaves out may change."""
        mine = self.settings
        options = SimpleNamespace(
            **vars(mine), neard_home="/home", failover_priority=mine.priority, validator_key="/key"
        )
        config = SimpleNamespace(
            validator_key_file="/home/validator_key.json",
            rpc_host="127.0.0.1",
            rpc_port=self.rpc,
            block_time_ms=mine.block_time_ms,
            skip_ms=mine.skip_ms,
        )
        return signer_settings.of(cast(Options, options), cast(NeardConfig, config))

    def keep(self, memory: SavedState | None) -> None:
        """In the run directory."""
        self.memory, self._kept_settings = memory, self._signer_settings()

    def _refuses(self) -> bool:
        """Would a supervisor that starts now refuse to, because its signer belongs to other settings?

        Where there is no signer of theirs, what was kept is forgotten.
        """
        memory, guard = self.memory, self.guard
        if memory is None or not signer_settings.changed(self._kept_settings, self._signer_settings()):
            return False
        neard = guard.neard if guard is not None and guard.alive and self.can_be_found else None
        if neard is not None and neard.armed and neard.tag == memory.tag:
            self.world.reached["start refused: settings have changed"] += 1
            return True
        self.memory = None
        return False

    def start_supervisor(self) -> None:
        """A new process, with what the run directory remembers; it makes that directory where there is none."""
        world = self.world
        if self.supervisor is not None:
            return
        if world.now < self.comes_back_at:
            world.at(self.comes_back_at, self.start_supervisor)
            return
        if not self.dir_is_there:
            # By the service manager, where the process itself may not.
            self.no_dir_until = 0
            self.make_dir_again()
        if self._refuses():
            world.note(self.name, "a supervisor refuses to start: settings of its signer have changed")
            world.after(START_AGAIN_MS, self.start_supervisor)
            return
        super().start_supervisor()

    # --- the run directory

    def lose_dir(self, for_ms: int) -> None:
        """Somebody removes it, and for so long no supervisor that runs can make it again."""
        self.world.note(self.name, f"the run directory is removed, for {for_ms} ms")
        self.dir_is_there = self.can_be_found = False
        self.no_dir_until = max(self.no_dir_until, self.world.now + for_ms)
        self.memory, self.kept_index, self.kept_term = None, 0, 0
        if isinstance(self.supervisor, HarshSupervisor):
            self.supervisor.miss_dir()
        else:
            self._instances += 1
            self.instance = f"{self.name}-{self._instances}"
            self.world.after(self.world.rng.randrange(1, TENDS_EVERY_MS), self._tend)

    def make_dir_again(self) -> bool:
        """False where that cannot be."""
        if self.world.now >= self.no_dir_until and not self.dir_is_there:
            self.world.note(self.name, "the run directory is there again")
            self.dir_is_there = True
        return self.dir_is_there

    def find_guard(self) -> None:
        """The guard has made its socket again."""
        self.can_be_found = self.can_be_found or (self.dir_is_there and self.guard is not self._ending)

    def _tend(self) -> None:
        """The guard, without a supervisor, has no socket: it makes one, or ends. A signer has its deadline."""
        guard = self.guard
        if guard is None or not guard.alive or guard.post is not None or self.can_be_found or guard is self._ending:
            return
        if self.neard.stopped or (not self.dir_is_there and guard.neard is not None and guard.neard.armed):
            self.world.after(TENDS_EVERY_MS, self._tend)
        elif self.dir_is_there:
            self.world.note(self.name, "the guard makes its socket again")
            self.can_be_found = True
        else:
            self._guard_ends(guard)

    def _guard_ends(self, guard: Guard) -> None:
        self._ending = guard
        if guard.neard is None:
            self.world.note(self.name, "the guard ends: nobody would find it")
            guard.alive = False
            return
        guard.stop(QUIT_TIMEOUT_MS)
        self.world.after(TENDS_EVERY_MS, lambda: self._guard_ends(guard) if guard.alive else None)

    def attach_guard(self) -> None:
        """The supervisor finds the guard that is there, waits for it, or gets a new one."""
        guard = self.guard
        if guard is None or not guard.alive or self._answers():
            super().attach_guard()
        elif self.supervisor is not None:
            self.world.reached["guard not found"] += 1
            self._attach_by(self.supervisor, self.world.now + ATTACH_MS)

    def _answers(self) -> bool:
        """Does the guard that is there?"""
        return self.can_be_found and not self.guard_is_stuck

    def _attach_by(self, supervisor: object, limit: int) -> None:
        """Another guard cannot have neard's home as long as this one has it."""
        now, mine = self.world.now, self.supervisor
        if mine is None or mine is not supervisor:
            return
        if self.guard is None or not self.guard.alive or self._answers():
            super().attach_guard()
        elif now > limit:
            if self.can_be_found:
                # It holds the socket, and does nothing with it.
                self.guard.die()
            mine.post(ev.GuardFailed("no guard answers"))
        else:
            self.world.after(5 * ATTACH_RETRY_MS, lambda: self._attach_by(supervisor, limit))

    def crash_supervisor(self, keep_memory: bool = True) -> None:
        """The process is gone; without its directory its guard looks for that alone."""
        if self.supervisor is None:
            return
        super().crash_supervisor(keep_memory)
        if not keep_memory:
            self._instances += 1
            self.instance = f"{self.name}-{self._instances}"
        self._leave_guard_alone()

    def supervisor_left(self, detach: bool) -> None:
        """The process has ended by itself."""
        session = self.supervisor.node.session if self.supervisor else None
        super().supervisor_left(detach)
        if session is not None and not detach:
            self.members.drop(self.settings.member_id, session.id)
        self._leave_guard_alone()

    def _leave_guard_alone(self) -> None:
        if not self.can_be_found:
            self._instances += 1
            self.instance = f"{self.name}-{self._instances}"
            self.world.after(self.world.rng.randrange(1, TENDS_EVERY_MS), self._tend)

    def calm(self) -> None:
        """No fault goes on."""
        super().calm()
        self.no_dir_until = 0
        self.rpc = 3_030
