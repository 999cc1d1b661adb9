"""A guard that may hang, and whose neard may die in its first second with the key."""

from __future__ import annotations

from near_supervisor.core import events as ev

from ..guard import Guard

FIRST_SECOND_MS = 1_000
# So long keep peers a dead connection at the most.
REFUSED_MS = 900_000


class HarshGuard(Guard):
    """While it hangs it ends nothing and tells nothing. The kernel's timer is set, and does not hang."""

    _stuck_until = 0

    @property
    def is_stuck(self) -> bool:
        """Does it do nothing at the moment?"""
        return self._world.now < self._stuck_until

    def hang(self, for_ms: int) -> None:
        """Do nothing for so long."""
        self._stuck_until = self._world.now + for_ms

    def start(self, armed: bool, deadline: int, tag: str, as_validator: bool = False) -> None:
        """Start a neard, or say why not."""
        super().start(armed, deadline, tag, as_validator)
        neard = self.neard
        if neard is not None and neard.is_refused:
            self._world.after(REFUSED_MS, lambda: self._host.rejoin() if self.neard is neard else None)
        self._strike_armed()

    def arm(self, pid: int, deadline: int, tag: str) -> None:
        """Give the key to the neard that runs, or say why not."""
        super().arm(pid, deadline, tag)
        self._strike_armed()

    def _strike_armed(self) -> None:
        neard = self.neard
        if neard is not None and neard.armed and self._host.dies_armed:
            dies_ms = self._world.rng.randrange(1, FIRST_SECOND_MS)
            self._world.after(dies_ms, lambda: self.ended(neard, "signal 11 (SIGSEGV)"))

    def kill(self) -> None:
        """SIGKILL, or none: what it has missed meanwhile it does when it goes on."""
        if not self.is_stuck:
            super().kill()

    def _tell(self, event: ev.Event) -> None:
        if self.is_stuck and not isinstance(event, ev.GuardLost) and self.alive:
            self._world.at(self._stuck_until, lambda: super(HarshGuard, self)._tell(event))
        else:
            super()._tell(event)
