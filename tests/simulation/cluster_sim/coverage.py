"""What the schedules came by, and what they never did: a profile that exercises nothing is seen here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

from near_ha.records.switchover import Action, Phase
from near_supervisor.core.conditions.transitions import TRANSITIONS

from .attacks import ATTACKS
from .batch import Tally
from .faults import BESIDE_KUUTAMOD, FAULTS, WITHOUT_KUUTAMOD
from .harsh.faults import HARSH_KINDS, LONG_KINDS
from .requests import REQUESTS
from .schedule import Profile

KINDS = ("transitions", "faults", "steps of a switchover", "answers of a hook", "pairs of faults")


def possible(profile: Profile = Profile.SAFETY) -> dict[str, list[str]]:
    """Everything there is to be reached in schedules of ``profile``, by kind."""
    more = {Profile.HARSH: HARSH_KINDS, Profile.LONG: LONG_KINDS}.get(profile, ())
    faults = (*FAULTS, *more)
    transitions = [f"{source.value} -> {target.value}" for source, _, target in TRANSITIONS]
    pairs = [f"pair: {one} + {other}" for one, other in combinations(sorted(faults), 2) if _meet(one, other, more)]
    steps = [f"switchover: {action.value} {phase.value}" for action in Action for phase in Phase]
    answers = ["hook: go", "hook: veto"] if profile.is_harsh else []
    return dict(zip(KINDS, (transitions, [f"fault: {kind}" for kind in faults], steps, answers, pairs), strict=True))


def _meet(one: str, other: str, more: tuple[str, ...]) -> bool:
    alone = (*WITHOUT_KUUTAMOD, *REQUESTS, *ATTACKS, *more)
    return any(one in kinds and other in kinds for kinds in (alone, BESIDE_KUUTAMOD))


def missing(reached: Counter[str], profile: Profile = Profile.SAFETY) -> dict[str, list[str]]:
    """What was never reached, by kind."""
    return {kind: [name for name in names if not reached[name]] for kind, names in possible(profile).items()}


def summary(reached: Counter[str], profile: Profile = Profile.SAFETY) -> str:
    """``reached 17 of 17 transitions, ...``"""
    absent, names = missing(reached, profile), possible(profile)
    counts = [f"{len(names[kind]) - len(absent[kind])} of {len(names[kind])} {kind}" for kind in KINDS if names[kind]]
    return f"reached {', '.join(counts)}"


def table(tally: Tally, profile: Profile = Profile.SAFETY) -> Iterator[str]:
    """In how many schedules each transition and fault was reached; and the pairs that were not."""
    names = possible(profile)
    for kind in KINDS[:-1]:
        for name in sorted(names[kind], key=lambda name: -tally.reached[name]):
            yield f"{tally.reached[name]:>9}  {name}"
    for name in missing(tally.reached, profile)["pairs of faults"]:
        yield f"    never  {name}"


def percentiles(counted: Counter[int]) -> str:
    """p50, p95 and the largest of a number of times, in seconds."""
    times = sorted(counted.elements())
    picked = [times[min(len(times) - 1, len(times) * part // 100)] for part in (50, 95)]
    return "p50 {:.2f} s, p95 {:.2f} s, max {:.2f} s".format(*(time / 1000 for time in [*picked, times[-1]]))
