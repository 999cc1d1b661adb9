"""Real time, chance and the trace of one schedule: all that is not determined by the code comes from here."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from heapq import heappop, heappush

Action = Callable[[], None]


class Violation(Exception):
    """A rule was broken; the message says which, and by whom."""


class World:
    """A heap of what is going to happen, in the order of time, ties in the order of asking.

    ``reached`` counts what the schedule came by: transitions, faults, findings of the models; ``steps`` those of the
    cores.
    """

    __slots__ = ("_asked", "_heap", "now", "random", "reached", "rng", "seed", "steps", "trace")

    def __init__(self, seed: int, keep_trace: bool = False) -> None:
        self.seed = seed
        self.rng = random.Random(seed)  # noqa: S311 - repeatable is what it has to be
        self.random = self.rng.random
        self.now = self.steps = 0
        self.trace: list[str] | None = [] if keep_trace else None
        self.reached: Counter[str] = Counter()
        self._heap: list[tuple[int, int, Action]] = []
        self._asked = 0

    def at(self, time: int, action: Action) -> None:
        """Do ``action`` at ``time``, or now if that is past."""
        self._asked += 1
        heappush(self._heap, (time if time > self.now else self.now, self._asked, action))

    def after(self, duration: int, action: Action) -> None:
        """Do ``action`` in ``duration`` milliseconds."""
        self._asked += 1
        heappush(self._heap, (self.now + duration, self._asked, action))

    def run(self, until: int) -> None:
        """Let time pass."""
        heap = self._heap
        while heap and heap[0][0] <= until:
            self.now, _, action = heappop(heap)
            action()
        self.now = until

    def forget(self) -> None:
        """Nothing more is going to happen."""
        self._heap.clear()

    def note(self, who: str, what: str) -> None:
        """A line of the trace; costs nothing when there is none."""
        if self.trace is not None:
            self.trace.append(f"{self.now / 1000:9.3f} {who:<8} {what}")

    def chance(self, probability: float) -> bool:
        """True with ``probability``."""
        return self.random() < probability

    def between(self, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, small ones more often: most things are quick, a few are slow."""
        draw = self.random()
        return low + int((high - low) * draw * draw * draw)
