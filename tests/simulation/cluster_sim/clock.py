"""The boot clock of one host: any offset, a rate that is off by up to one percent."""

from __future__ import annotations

from .world import World


class BootClock:
    """Boot time as a line over real time."""

    __slots__ = ("_world", "offset", "rate")

    def __init__(self, world: World, drift: float) -> None:
        self._world = world
        self.offset = world.rng.randrange(1_000_000, 100_000_000)
        self.rate = 1 + world.rng.choice((-drift, drift, world.rng.uniform(-drift, drift)))

    def now(self) -> int:
        """Boot time now."""
        return self.offset + int(self._world.now * self.rate)

    def real(self, boot: int) -> int:
        """The first millisecond of real time at which boot time has reached ``boot``."""
        return int((boot - self.offset) / self.rate) + 1
