"""What the schedules came by, and what they never did: a profile that exercises nothing is seen here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

from near_ha.switchover import Action, Phase
from near_supervisor.core.transitions import TRANSITIONS

from .attacks import ATTACKS
from .batch import Tally
from .faults import BESIDE_KUUTAMOD, FAULTS, WITHOUT_KUUTAMOD
from .wishes import WISHES

KINDS = ("transitions", "faults", "steps of a switchover", "pairs of faults")


def possible() -> dict[str, list[str]]:
    """Everything there is to be reached, by kind."""
    transitions = [f"{source.value} -> {target.value}" for source, _, target in TRANSITIONS]
    pairs = [f"pair: {one} + {other}" for one, other in combinations(sorted(FAULTS), 2) if _meet(one, other)]
    steps = [f"switchover: {action.value} {phase.value}" for action in Action for phase in Phase]
    return dict(zip(KINDS, (transitions, [f"fault: {kind}" for kind in FAULTS], steps, pairs), strict=True))


def _meet(one: str, other: str) -> bool:
    return any(one in kinds and other in kinds for kinds in ((*WITHOUT_KUUTAMOD, *WISHES, *ATTACKS), BESIDE_KUUTAMOD))


def missing(reached: Counter[str]) -> dict[str, list[str]]:
    """What was never reached, by kind."""
    return {kind: [name for name in names if not reached[name]] for kind, names in possible().items()}


def summary(reached: Counter[str]) -> str:
    """``reached 17 of 17 transitions, ...``"""
    absent = missing(reached)
    counts = [f"{len(names) - len(absent[kind])} of {len(names)} {kind}" for kind, names in possible().items()]
    return f"reached {', '.join(counts)}"


def table(tally: Tally) -> Iterator[str]:
    """In how many schedules each transition and fault was reached; and the pairs that were not."""
    names = possible()
    for kind in KINDS[:3]:
        for name in sorted(names[kind], key=lambda name: -tally.reached[name]):
            yield f"{tally.reached[name]:>9}  {name}"
    for name in missing(tally.reached)["pairs of faults"]:
        yield f"    never  {name}"


def percentiles(counted: Counter[int]) -> str:
    """p50, p95 and the largest of a number of times, in seconds."""
    times = sorted(counted.elements())
    picked = [times[min(len(times) - 1, len(times) * part // 100)] for part in (50, 95)]
    return "p50 {:.2f} s, p95 {:.2f} s, max {:.2f} s".format(*(time / 1000 for time in [*picked, times[-1]]))
