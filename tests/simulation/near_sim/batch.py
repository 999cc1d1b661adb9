"""Many schedules over all cores, and the sum of what came of them."""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing import Pool

from .schedule import Outcome, Profile, play

CHUNK = 100


@dataclass
class Tally:
    """What a number of schedules came to."""

    schedules: int = 0
    signed: int = 0
    failures: list[Outcome] = field(default_factory=list)
    reached: Counter[str] = field(default_factory=Counter)
    times: dict[str, Counter[int]] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        """Count one more."""
        self.schedules += 1
        self.signed += outcome.signed
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
        self.failures = sorted([*self.failures, *other.failures], key=lambda outcome: outcome.seed)
        self.reached.update(other.reached)
        for name, counted in other.times.items():
            self.times.setdefault(name, Counter()).update(counted)


def play_many(profile: Profile, first: int, seeds: int) -> Iterator[Tally]:
    """Play schedules ``first`` to ``first + seeds``; the tally so far after each piece of them."""
    pieces = [(profile, at, min(at + CHUNK, first + seeds)) for at in range(first, first + seeds, CHUNK)]
    whole = Tally()
    with Pool(os.cpu_count(), initializer=_begin_worker) as pool:
        for tally in pool.imap_unordered(_play_piece, pieces):
            whole.merge(tally)
            yield whole


def _begin_worker() -> None:
    # A schedule is one knot of objects that is thrown away whole: looking for garbage while it is played finds none.
    gc.disable()
    gc.freeze()


def _play_piece(piece: tuple[Profile, int, int]) -> Tally:
    profile, first, end = piece
    tally = Tally()
    for seed in range(first, end):
        tally.add(play(seed, profile))
    gc.collect()
    return tally
