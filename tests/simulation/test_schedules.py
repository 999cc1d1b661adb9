"""The rules hold in many hostile schedules; the simulation is repeatable and reaches what it names.

That it can fail is shown by ``bin/breaks``, which runs the handful below against broken rules.
"""

from __future__ import annotations

from collections import Counter

import pytest

from near_sim.cli import main
from near_sim.faults import FAULTS
from near_sim.schedule import Profile, play

SAFETY_SCHEDULES = 3_000
LIVENESS_SCHEDULES = 600
# Once a schedule failed, its seed stays here.
REGRESSIONS: tuple[tuple[int, Profile], ...] = ()


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("profile", "schedules"), [(Profile.SAFETY, SAFETY_SCHEDULES), (Profile.LIVENESS, LIVENESS_SCHEDULES)]
)
def test_the_rules_hold(profile: Profile, schedules: int) -> None:
    assert main(["--profile", profile.value, "--seeds", str(schedules)]) == 0


def test_the_rules_hold_in_a_handful() -> None:
    """Enough for a broken rule to show; quick enough to be run against each of them."""
    assert not [outcome.failure for outcome in (play(seed, Profile.SAFETY) for seed in range(300)) if outcome.failure]


@pytest.mark.parametrize(("seed", "profile"), REGRESSIONS)
def test_what_failed_once_holds(seed: int, profile: Profile) -> None:
    assert not play(seed, profile).failure


@pytest.mark.parametrize("profile", list(Profile))
def test_one_seed_is_one_schedule(profile: Profile) -> None:
    first, second = (play(12, profile, keep_trace=True).trace for _ in range(2))
    assert first
    assert first == second
    assert first != play(13, profile, keep_trace=True).trace


def test_the_schedules_reach_what_they_are_for() -> None:
    reached: Counter[str] = Counter()
    signed = 0
    for seed in range(120):
        outcome = play(seed, Profile.SAFETY)
        reached.update(outcome.reached)
        signed += outcome.signed
    assert signed > 100
    assert not [name for name in FAULTS if not reached[f"fault: {name}"]]
    assert {"Voting -> Validating", "Startup -> Validating", "Validating -> Startup"} <= set(reached)
