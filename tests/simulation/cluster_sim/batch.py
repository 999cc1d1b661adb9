"""Many schedules over all cores, and the sum of what came of them."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing import Pool

from .schedule import Outcome, Profile, play

# So many at once; a long one takes seconds, and is judged at the end of its piece only.
CHUNK = 100
LONG_CHUNK = 2


@dataclass
class Tally:
    """What a number of schedules came to; ``cpu_s`` are seconds of processor time, of all workers together."""

    schedules: int = 0
    signed: int = 0
    steps: int = 0
    cpu_s: float = 0.0
    failures: list[Outcome] = field(default_factory=list)
    reached: Counter[str] = field(default_factory=Counter)
    times: dict[str, Counter[int]] = field(default_factory=dict)

    @property
    def steps_per_cpu_s(self) -> float:
        """Steps of the core in a second of processor time, models and all: a busy machine changes it little."""
        return self.steps / self.cpu_s if self.cpu_s else 0.0

    def add(self, outcome: Outcome) -> None:
        """Count one more."""
        self.schedules += 1
        self.signed += outcome.signed
        self.steps += outcome.steps
        # In how many schedules, not how often in one.
        self.reached.update(outcome.reached.keys())
        for name, took in outcome.times.items():
            self.times.setdefault(name, Counter())[took] += 1
        if outcome.failure:
            self.failures.append(outcome)

    def merge(self, other: Tally) -> None:
        """Add up two."""
        self.schedules += other.schedules
        self.signed += other.signed
        self.steps += other.steps
        self.cpu_s += other.cpu_s
        self.failures = sorted([*self.failures, *other.failures], key=lambda outcome: outcome.seed)
        self.reached.update(other.reached)
        for name, counted in other.times.items():
            self.times.setdefault(name, Counter()).update(counted)


def play_many(profile: Profile, first: int, seeds: int) -> Iterator[Tally]:
    """Play schedules ``first`` to ``first + seeds``; the tally so far after each piece of them."""
    chunk = LONG_CHUNK if profile is Profile.LONG else CHUNK
    pieces = [(profile, at, min(at + chunk, first + seeds)) for at in range(first, first + seeds, chunk)]
    whole = Tally()
    with Pool(os.cpu_count(), initializer=_begin_worker) as pool:
        for tally in pool.imap_unordered(_play_piece, pieces):
            whole.merge(tally)
            yield whole


def _begin_worker() -> None:
    # A schedule is one knot of objects that is thrown away whole: looking for garbage while it is played finds none.
    # PyPy counts no references, so that it finds everything that way.
    if sys.implementation.name == "cpython":
        gc.disable()
        gc.freeze()


def _play_piece(piece: tuple[Profile, int, int]) -> Tally:
    profile, first, end = piece
    tally, began = Tally(), time.process_time()
    for seed in range(first, end):
        tally.add(play(seed, profile))
    gc.collect()
    tally.cpu_s = time.process_time() - began
    return tally
