"""A failing schedule made shorter: as few of its faults as still break a rule."""

from __future__ import annotations

from .schedule import Outcome, Profile, play


def minimise(failing: Outcome) -> Outcome:
    """The outcome with its trace, with no fault that could be left out.

    Leaving one out changes everything that comes after it, so what is left may break another rule; it is
    as good a story.
    """
    seed, profile = failing.seed, failing.profile
    kept = list(range(failing.faults))
    kept = _without_tail(seed, profile, kept)
    for number in reversed(kept):
        fewer = [other for other in kept if other != number]
        if play(seed, profile, only=fewer).failure:
            kept = fewer
    outcome = play(seed, profile, keep_trace=True, only=kept)
    outcome.faults = len(kept)
    return outcome


def _without_tail(seed: int, profile: Profile, kept: list[int]) -> list[int]:
    for length in range(len(kept)):
        if play(seed, profile, only=kept[:length]).failure:
            return kept[:length]
    return kept
