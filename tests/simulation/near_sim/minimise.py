"""A failing schedule made shorter: as few of its faults as still break a rule."""

from __future__ import annotations

from .schedule import Outcome, Profile, play

MOST_FAULTS = 14


def minimise(seed: int, profile: Profile) -> tuple[int, Outcome]:
    """How many of the schedule's first faults suffice, and the outcome with its trace."""
    for faults in range(MOST_FAULTS + 1):
        outcome = play(seed, profile, keep_trace=True, only=faults)
        if outcome.failure:
            return faults, outcome
    return MOST_FAULTS, play(seed, profile, keep_trace=True)
