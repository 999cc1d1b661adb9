"""One schedule: a cluster, some faults, sixty seconds; and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import Enum
from itertools import combinations

from . import attacks, wishes
from .cluster import Cluster
from .faults import BESIDE_KUUTAMOD, THEMES, WITHOUT_KUUTAMOD, strike
from .host import Host
from .liveness import must_recover
from .world import Violation, World

SIMULATED_MS = 60_000
# kuutamod's sessions and our wait for it are long.
WITH_KUUTAMOD_MS = 160_000
CALM_AT_MS = 30_000
MOST_FAULTS = 14
MOST_KINDS = 5
# The part of the faults that strikes whoever holds the lease at the time.
AIMED = 0.5
# The part of the schedules whose faults are all about one thing.
THEMED = 0.4
# The part of the hosts of which it is seen, at each step, that they keep still when they say that they will.
WATCHFUL = 0.003


class Profile(str, Enum):
    """``SAFETY``: faults to the end, only the rules are looked at. ``LIVENESS``: the faults stop, then it must work."""

    SAFETY = "safety"
    LIVENESS = "liveness"


@dataclass
class Outcome:
    """What one schedule came to; ``failure`` is "" when every rule held.

    ``times`` are how long things took after the last fault, in milliseconds, by name.
    """

    seed: int
    profile: Profile
    failure: str = ""
    signed: bool = False
    faults: int = 0
    reached: Counter[str] = field(default_factory=Counter)
    times: dict[str, int] = field(default_factory=dict)
    trace: list[str] | None = None


def play(
    seed: int,
    profile: Profile,
    keep_trace: bool = False,
    only: Collection[int] | None = None,
    make: Callable[[World], Cluster] = Cluster,
) -> Outcome:
    """Play schedule ``seed``; with ``only`` just these of its faults, by their number, for a shorter story."""
    world = World(seed, keep_trace)
    cluster = make(world)
    outcome = Outcome(seed, profile, reached=world.reached)
    until = CALM_AT_MS if profile is Profile.LIVENESS else SIMULATED_MS
    if cluster.kuutamod is not None and profile is Profile.SAFETY:
        until = WITH_KUUTAMOD_MS
    for host in cluster.hosts:
        host.watchful = world.random() < WATCHFUL
    try:
        outcome.faults = _plan_faults(cluster, until, only)
        world.run(until)
        if profile is Profile.LIVENESS:
            outcome.times = must_recover(cluster)
    except Violation as violation:
        outcome.failure = f"at {world.now / 1000:.3f} s: {violation}"
        world.note("REFEREE", str(violation))
    except Exception as error:
        # Whatever the core is told, it must not break off.
        outcome.failure = f"at {world.now / 1000:.3f} s: BUG: {error!r}"
    outcome.signed = bool(cluster.chain.signed_by)
    outcome.trace = world.trace
    _note_pairs(world)
    cluster.take_apart()
    return outcome


def _plan_faults(cluster: Cluster, until: int, only: Collection[int] | None) -> int:
    rng = cluster.world.rng
    known = WITHOUT_KUUTAMOD if cluster.kuutamod is None else BESIDE_KUUTAMOD
    if cluster.kuutamod is None and rng.random() < THEMED:
        known = rng.choice(THEMES)
    kinds = rng.sample(known, min(len(known), rng.randint(1, MOST_KINDS)))
    times = sorted(rng.randrange(0, until) for _ in range(rng.randint(1, MOST_FAULTS)))
    for number, time in enumerate(times):
        kind, host = rng.choice(kinds), rng.choice(cluster.hosts)
        aimed = rng.random() < AIMED
        if only is None or number in only:
            _plan(cluster, time, kind, host, aimed)
    more = [*wishes.plan(cluster, until), *attacks.plan(cluster, until)]
    for number, (time, kind, host) in enumerate(more, start=len(times)):
        if only is None or number in only:
            _plan(cluster, time, kind, host, aimed=False)
    return len(times) + len(more)


def _plan(cluster: Cluster, time: int, kind: str, host: Host, aimed: bool) -> None:
    cluster.world.at(time, lambda: strike(cluster, kind, cluster.holder or host if aimed else host))


def _note_pairs(world: World) -> None:
    struck = sorted(name[7:] for name in world.reached if name.startswith("fault: "))
    world.reached.update(f"pair: {one} + {other}" for one, other in combinations(struck, 2))
