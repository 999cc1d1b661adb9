"""neard of one host, and the guard that owns it."""

from __future__ import annotations

from collections.abc import Callable

from near_supervisor.core import events as ev
from near_supervisor.core.lease import KILL_SLACK_MS
from near_supervisor.core.sync import Sample
from near_supervisor.guard import BACKSTOP_MS

from .chain import Chain
from .clock import BootClock
from .world import Violation, World

Post = Callable[[ev.Event], None]


class Neard:
    """One process. Armed, it signs every target that its head allows from when it is up until it has ended."""

    def __init__(self, host: NeardHost, pid: int, armed: bool, tag: str) -> None:
        self._host, self.pid, self.armed, self.tag = host, pid, armed, tag
        self.alive = True
        self.up = False
        self.killing = False
        self.first: int | None = None

    def come_up(self) -> None:
        """Its RPC answers, and it does its duties."""
        if self.alive:
            self.up = True
            self.sign()

    def sign(self) -> None:
        """Write into the book what it has signed until now."""
        host = self._host
        if not (self.armed and self.alive and self.up) or host.stopped:
            return
        target = host.target()
        self.first = target if self.first is None else self.first
        host.chain.sign(host.name, self.first, target)


class NeardHost:
    """The node of one host: its database outlives the processes, its head follows the chain, or does not."""

    def __init__(self, world: World, chain: Chain, clock: BootClock, name: str) -> None:
        self.world, self.chain, self.clock, self.name = world, chain, clock, name
        self.stopped = False
        self.behind = 0
        self.frozen_at: int | None = None
        self.frozen_since = 0
        self.silent = False
        self.deaf = False
        self.has_metric = world.chance(0.8)
        self.clock_error = world.rng.randrange(-2_000, 2_000)
        self.start_ms = world.rng.choice((300, 1_000, 3_000))
        self._head = 0

    @property
    def speaks(self) -> bool:
        """Does it answer when it is asked?"""
        return not self.silent and not self.stopped

    def head(self) -> int:
        """Height of its newest block; never goes back."""
        tip = self.chain.height(self.world.now) - self.behind
        self._head = max(self._head, tip if self.frozen_at is None else self.frozen_at)
        return self._head

    def target(self) -> int:
        """The largest height it has approved: one above its head, and slowly more while no block comes."""
        creep = (self.world.now - self.frozen_since) // (4 * self.chain.block_time) if self.frozen_at is not None else 0
        return self.head() + 1 + creep

    def isolate(self) -> None:
        """Cut it off from the chain; it will say that it is in sync."""
        self.frozen_at, self.frozen_since = self.head(), self.world.now

    def rejoin(self) -> None:
        """It knows the whole chain again at once."""
        self.frozen_at, self.behind = None, 0

    def sample(self, armed: bool) -> Sample:
        """What it says when it is asked."""
        missing = self.chain.height(self.world.now) - self.head()
        return Sample(
            height=self.head(),
            syncing=self.frozen_at is None and missing > 2 and self.world.chance(0.7),
            head_age_ms=missing * self.chain.block_time + self.clock_error,
            peers=4 if self.frozen_at is None else 0,
            target_height=self.target() if armed and self.has_metric else None,
        )


class Guard:
    """The dead man's switch of one host. It outlives the supervisor; the kernel ends it when it does not act."""

    def __init__(self, host: NeardHost, pids: Callable[[], int]) -> None:
        self._host, self._pids = host, pids
        self.neard: Neard | None = None
        self.deadline = 0
        self.last_exit: tuple[str, str] | None = None
        self.post: Post | None = None
        self.alive = True

    def start(self, armed: bool, deadline: int | None, tag: str) -> None:
        """Start a neard, or say why not."""
        if self.neard is not None or (armed and (deadline is None or deadline <= self._host.clock.now())):
            self._tell(ev.NeardRefused("refused"))
            return
        host, world = self._host, self._host.world
        neard = Neard(host, self._pids(), armed, tag)
        self.neard = neard
        if armed:
            host.chain.arm(host.name, neard.pid)
            self.move(deadline or 0)
        world.note(host.name, f"neard {neard.pid} starts {'ARMED' if armed else 'as a standby'}")
        world.after(host.start_ms, neard.come_up)
        self._tell(ev.NeardStarted(neard.pid, armed))

    def move(self, deadline: int) -> None:
        """The deadline of the armed neard; the kernel's own timer moves with it."""
        neard = self.neard
        if neard is None or not neard.armed or neard.killing:
            return
        self.deadline = deadline
        world = self._host.world
        late = world.between(0, KILL_SLACK_MS - BACKSTOP_MS)
        world.at(self._host.clock.real(deadline) + late, lambda: self._deadline(neard, deadline))
        world.at(self._host.clock.real(deadline + BACKSTOP_MS), lambda: self._backstop(neard, deadline))

    def _deadline(self, neard: Neard, deadline: int) -> None:
        if self.alive and not self._host.stopped and self.neard is neard and self.deadline == deadline:
            self.kill()

    def _backstop(self, neard: Neard, deadline: int) -> None:
        if self.neard is neard and self.deadline == deadline and not neard.killing:
            self.die()

    def kill(self) -> None:
        """SIGKILL."""
        neard, world = self.neard, self._host.world
        if neard is not None and not neard.killing:
            neard.killing = True
            world.after(world.between(0, 40), lambda: self.ended(neard, "signal 9 (SIGKILL)"))

    def stop(self, timeout: int) -> None:
        """SIGTERM, and SIGKILL after ``timeout``."""
        neard, world = self.neard, self._host.world
        if neard is None or neard.killing:
            return
        if not self._host.deaf:
            world.after(world.between(50, 2_000), lambda: self.ended(neard, "exit code 0"))
        world.after(timeout, lambda: self.kill() if self.neard is neard else None)

    def ended(self, neard: Neard, how: str) -> None:
        """waitpid() has returned."""
        if self.neard is not neard or not neard.alive:
            return
        if self._host.stopped and not neard.killing:
            # Only SIGKILL ends a process that is stopped.
            self._host.world.after(200, lambda: self.ended(neard, how))
            return
        self._bury(neard)
        self.last_exit = (neard.tag, how) if neard.armed else None
        self._tell(ev.NeardExited(neard.pid, how))

    def die(self) -> None:
        """The guard is gone, and its neard with it."""
        if not self.alive:
            return
        self.alive = False
        neard, post, world = self.neard, self.post, self._host.world
        world.note(self._host.name, "the guard dies")
        if neard is not None:
            self._bury(neard)
        if post is not None:
            world.after(world.between(0, 30), lambda: post(ev.GuardLost()))
            if neard is not None:
                pid = neard.pid
                world.after(40 + world.between(0, 30), lambda: post(ev.NeardExited(pid, "signal 9, after its guard")))

    def _bury(self, neard: Neard) -> None:
        neard.sign()
        neard.alive = False
        self.neard = None
        self._host.chain.disarm(self._host.name, neard.pid)
        if neard.armed and self._host.clock.now() > self.deadline + KILL_SLACK_MS:
            raise Violation(f"{self._host.name}/{neard.pid} outlived its deadline and the time to kill it")

    def _tell(self, event: ev.Event) -> None:
        if self.post is not None:
            self.post(event)
