"""The guard of one host as a model: it owns neard, holds the deadline, and the kernel ends it if it does not act."""

from __future__ import annotations

from collections.abc import Callable

from near_guard.kernel import KERNEL_TIMER_MS
from near_supervisor.core import events as ev
from near_supervisor.core.facts.lease import KILL_SLACK_MS

from .neard import Neard, NeardHost
from .world import Violation

Post = Callable[[ev.Event], None]

TOLD_AFTER_MS = 15
# From SIGKILL to the end of a process.
DEATH_MS = 40


class Guard:
    """It outlives the supervisor; its neard does not outlive it. ``post`` is who hears what happens to neard."""

    def __init__(self, host: NeardHost, next_pid: Callable[[], int]) -> None:
        self._host, self._world, self._next_pid = host, host.world, next_pid
        self.neard: Neard | None = None
        self.deadline = 0
        self.last_exit: tuple[str, str] | None = None
        # The tag of the term in which the neard that runs has signed, and given its key up; and one that is to.
        self.gave_up = ""
        self._taken: tuple[Neard, int] | None = None
        self.post: Post | None = None
        self.alive = True
        self._told_until = 0
        self._timed = False
        host.key_on_disk = False

    def start(self, armed: bool, deadline: int, tag: str, as_validator: bool = False) -> None:
        """Start a neard, or say why not."""
        host = self._host
        if host.lock_is_held or (armed and deadline <= host.clock.now()):
            self._tell(ev.NeardRefused("refused"))
            return
        host.key_on_disk = armed
        self.gave_up, self._taken = "", None
        neard = self.neard = Neard(host, self._next_pid(), tag, as_validator)
        if armed:
            self._timed = False
            self._set(neard, deadline)
            if host.guard_dies_starting:
                # Nobody hears of this start.
                host.guard_dies_starting = False
                self._world.after(self._world.between(0, TOLD_AFTER_MS), self.die)
                return
        role = "ARMED" if neard.armed else "in the validator's place" if as_validator else "as a standby"
        self._world.note(host.name, f"neard {neard.pid} starts {role}")
        if as_validator and not neard.armed:
            self._world.reached["moved"] += 1
        self._world.after(host.start_ms, lambda: self._up(neard))
        self._tell(ev.NeardStarted(neard.pid, armed, as_validator))

    def arm(self, pid: int, deadline: int, tag: str) -> None:
        """Give the key to the neard that runs, or say why not."""
        host, neard = self._host, self.neard
        if neard is None or neard.pid != pid or neard.armed or neard.killing or deadline <= host.clock.now():
            self._tell(ev.ArmRefused(pid, "refused"))
            return
        host.key_on_disk = True
        self.gave_up, self._taken = "", None
        neard.take_key(tag)
        if neard.as_validator:
            self._world.reached["armed in the validator's place"] += 1
            if neard.is_refused and host.chain.judges_heights:
                raise Violation(f"{host.name}/{pid} is given the key, and its peers refuse it")
        self._timed = False
        self._set(neard, deadline)
        self._world.note(host.name, f"neard {pid} is ARMED while it runs")
        if host.guard_dies_starting:
            host.guard_dies_starting = False
            self._world.after(self._world.between(0, TOLD_AFTER_MS), self.die)
            return
        if not host.takes_no_key:
            self._world.after(self._world.between(0, host.longest_reload_ms), neard.load_key)
        self._tell(ev.NeardArmed(pid))

    def disarm(self, pid: int, timeout: int) -> None:
        """Take the key away from the neard that runs: it is armed until somebody has seen it without."""
        neard, host, world = self.neard, self._host, self._world
        if neard is None or neard.pid != pid or not neard.armed or neard.killing:
            self._tell(ev.DisarmRefused(pid, "refused"))
            return
        host.key_on_disk = False
        self._taken = (neard, host.clock.now() + timeout)
        if not host.takes_no_key:
            world.after(world.between(0, host.longest_reload_ms), neard.lose_key)
        world.at(host.clock.real(self._taken[1]), lambda: self._not_seen(neard))

    def _not_seen(self, neard: Neard) -> None:
        if self.neard is neard and self._taken is not None and self.alive and not self._host.stopped:
            self.kill()

    def disarmed(self, pid: int) -> None:
        """The supervisor has seen it without the key."""
        neard = self.neard
        in_time = self._taken is not None and self._host.clock.now() < min(self._taken[1], self.deadline)
        if neard is None or neard.pid != pid or not neard.armed or neard.killing or not in_time:
            self._tell(ev.DisarmRefused(pid, "refused"))
            return
        self._taken = None
        self.gave_up = neard.tag
        neard.disarm()
        self._world.note(self._host.name, f"neard {pid} gave its key up")
        self._world.reached["key given back"] += 1
        self._tell(ev.NeardDisarmed(pid))

    def _up(self, neard: Neard) -> None:
        if self._host.broken:
            self.ended(neard, "signal 6 (SIGABRT)")
        else:
            neard.come_up()

    def move(self, deadline: int) -> None:
        """The deadline of the armed neard; one that has passed is never moved on."""
        neard = self.neard
        if neard is None or not neard.armed or neard.killing:
            return
        if self._host.clock.now() >= self.deadline:
            self.kill()
        else:
            self._set(neard, deadline)

    def _set(self, neard: Neard, deadline: int) -> None:
        """The kernel's own timer moves with it."""
        self.deadline = deadline
        if not self._timed:
            self._timed = True
            self._time(neard)

    def _time(self, neard: Neard) -> None:
        deadline = self.deadline
        late = self._world.between(0, KILL_SLACK_MS - KERNEL_TIMER_MS)
        self._world.at(self._host.clock.real(deadline), lambda: self._at_deadline(neard, deadline, late))

    def _at_deadline(self, neard: Neard, deadline: int, late: int) -> None:
        if self.neard is not neard or not neard.armed:
            return
        if self.deadline > deadline:
            # It was moved on in time: the timer follows it.
            self._time(neard)
            return
        world, clock = self._world, self._host.clock
        world.after(late, lambda: self._kill_late(neard))
        world.at(clock.real(deadline + KERNEL_TIMER_MS), lambda: self._backstop(neard))
        world.at(clock.real(deadline + KILL_SLACK_MS), lambda: self._overdue(neard))

    def _kill_late(self, neard: Neard) -> None:
        if self.alive and not self._host.stopped and self.neard is neard and neard.armed:
            self.kill()

    def _backstop(self, neard: Neard) -> None:
        if self.neard is neard and neard.armed and not neard.killing:
            self.die()

    def _overdue(self, neard: Neard) -> None:
        if neard.alive and neard.armed:
            raise Violation(f"{self._host.name}/{neard.pid} outlives its deadline and the time to kill it")

    def wake(self) -> None:
        """After its host stood still: neard first, then what was asked in the meantime."""
        neard = self.neard
        taken_by = self._taken[1] if self._taken is not None else self.deadline
        if neard is not None and neard.armed and self._host.clock.now() >= min(self.deadline, taken_by):
            self.kill()

    def kill(self) -> None:
        """SIGKILL."""
        neard = self.neard
        if neard is not None and not neard.killing:
            neard.killing = True
            self._world.after(self._world.between(0, DEATH_MS), lambda: self.ended(neard, "signal 9 (SIGKILL)"))

    def stop(self, timeout: int) -> None:
        """SIGTERM, and SIGKILL after ``timeout``."""
        neard, world = self.neard, self._world
        if neard is None or neard.killing:
            return
        if not self._host.deaf:
            world.after(world.between(50, self._host.longest_stop_ms), lambda: self.ended(neard, "exit code 0"))
        world.after(timeout, lambda: self.kill() if self.neard is neard else None)

    def ended(self, neard: Neard, how: str) -> None:
        """waitpid() has returned."""
        if self.neard is not neard or not neard.alive:
            return
        if self._host.stopped and not neard.killing:
            # Only SIGKILL ends a process that is stopped.
            self._world.after(200, lambda: self.ended(neard, how))
            return
        neard.end()
        self.neard = None
        self._host.key_on_disk = False
        self.last_exit = (neard.tag, how) if neard.armed else None
        self._world.note(self._host.name, f"neard {neard.pid} has ended: {how}")
        self._tell(ev.NeardExited(neard.pid, how, signed=self._host.wrote()))

    def die(self) -> None:
        """The guard is gone, and the kernel kills its neard. The key stays where it is until a guard starts again."""
        if not self.alive:
            return
        self.alive = False
        neard, self.neard = self.neard, None
        self._world.note(self._host.name, "the guard dies")
        self._tell(ev.GuardLost())
        if neard is not None:
            self._world.after(self._world.between(0, DEATH_MS), lambda: self._orphan_ended(neard))

    def _orphan_ended(self, neard: Neard) -> None:
        neard.end()
        self._tell(ev.NeardExited(neard.pid, "signal 9, after its guard", signed=self._host.wrote()))

    def _tell(self, event: ev.Event) -> None:
        """In order, and a moment later, like a socket."""
        post, world = self.post, self._world
        if post is not None:
            self._told_until = max(self._told_until, world.now + world.between(0, TOLD_AFTER_MS))
            world.at(self._told_until, lambda: post(event))
