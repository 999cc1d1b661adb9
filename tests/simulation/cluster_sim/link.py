"""One host's way to Consul: requests and answers may be late, lost or doubled, in each direction by itself."""

from __future__ import annotations

from collections.abc import Callable

from near_supervisor.core.facts.answer import Answer

from .consul import UNKNOWN, Consul
from .world import World

Apply = Callable[[], Answer]
Hear = Callable[[Answer], None]

QUICK_MS = 20
LONGEST_STUCK_MS = 20_000


class Link:
    """``requests`` and ``answers`` say whether each direction passes; ``slow_ms`` is the longest delay of one way.

    ``least_ms`` is what every way takes at least: a Consul that is far away, or has a slow disk; ``usual_ms`` the same
    when all is well.

    ``stale_ms`` is how old a read may be (0: reads are consistent, as the supervisor asks for them).
    """

    __slots__ = (
        "_consul", "_world",
        "answers", "doubling", "healed", "least_ms", "loss", "requests", "slow_ms", "stale_ms", "usual_ms",
    )  # fmt: skip

    def __init__(self, world: World, consul: Consul, healed: Callable[[], None]) -> None:
        self._world, self._consul, self.healed = world, consul, healed
        self.requests = self.answers = True
        self.loss = self.doubling = 0.0
        self.slow_ms = QUICK_MS
        self.least_ms = self.stale_ms = self.usual_ms = 0

    @property
    def up(self) -> bool:
        """Do both directions pass?"""
        return self.requests and self.answers

    def delay(self) -> int:
        """How long one message takes."""
        draw = self._world.random()
        return 1 + self.least_ms + int(self.slow_ms * draw * draw * draw)

    def heal(self) -> None:
        """Everything passes again."""
        self.requests = self.answers = True
        self.loss = self.doubling = 0.0
        self.slow_ms = QUICK_MS
        self.least_ms, self.stale_ms = self.usual_ms, 0
        self.healed()

    def ask(self, apply: Apply, hear: Hear, timeout: int) -> None:
        """Send a request; ``hear`` gets its answer, or *don't know* after ``timeout``, exactly once.

        A request that is later than that is carried out all the same.
        """
        world = self._world
        gives_up_at = world.now + timeout
        if not self.requests or (self.loss and world.chance(self.loss)):
            world.at(gives_up_at, lambda: hear(UNKNOWN))
            return
        way = self.delay()
        if way >= timeout:
            world.at(gives_up_at, lambda: hear(UNKNOWN))

        def arrive() -> None:
            answer = apply() if self._consul.leads else UNKNOWN
            if world.now >= gives_up_at:
                return
            back = world.now + self.delay()
            if back >= gives_up_at or not self.answers or (self.loss and world.chance(self.loss)):
                world.at(gives_up_at, lambda: hear(UNKNOWN))
            else:
                world.at(back, lambda: hear(answer))

        world.after(way, arrive)
        if self.doubling and world.chance(self.doubling):
            world.after(self.delay() + world.between(0, LONGEST_STUCK_MS), lambda: self._arrive_again(apply))

    def _arrive_again(self, apply: Apply) -> None:
        if self._consul.leads:
            apply()
