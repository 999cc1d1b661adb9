"""One schedule: a cluster, some faults, sixty seconds or an hour; and what came of it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import combinations

from . import attacks, requests
from .cluster import Cluster
from .faults import BESIDE_KUUTAMOD, THEMES, WITHOUT_KUUTAMOD, strike
from .harsh import faults as harsh
from .harsh.cluster import HarshCluster, LongCluster
from .host import Host
from .liveness import must_recover
from .world import Violation, World

SIMULATED_MS = 60_000
# kuutamod's sessions and our wait for it are long.
WITH_KUUTAMOD_MS = 160_000
CALM_AT_MS = 30_000
LONG_MS = 3_600_000
LONG_CALM_AT_MS = LONG_MS - 180_000
LONG_FAULTS = (3, 20)
# Of the faults of an hour, so many times are there at which some come together.
MOST_STORMS = 4
STORM_MS = 40_000
WITH_HALT = 0.5
HALT = "halted for long"
WITH_LIVENESS = 0.5
MOST_FAULTS = 14
MOST_KINDS = 5
# The part of the faults that strikes whoever holds the lease at the time.
AIMED = 0.5
# The part of the schedules whose faults are all about one thing.
THEMED = 0.4
# The part of the hosts of which it is seen, at each step, that they keep still when they say that they will.
WATCHFUL = 0.003


class Profile(str, Enum):
    """``SAFETY``: faults to the end, only the rules are looked at. ``LIVENESS``: the faults stop, then it must work.

    ``HARSH``: the one or the other, with harsher models and more faults. ``LONG``: an hour of these, with few faults.
    """

    SAFETY = "safety"
    LIVENESS = "liveness"
    HARSH = "harsh"
    LONG = "long"

    @property
    def is_harsh(self) -> bool:
        """Are the models those of ``harsh/``?"""
        return self in (Profile.HARSH, Profile.LONG)

    @property
    def cluster(self) -> Callable[[World], Cluster]:
        """What it is played with."""
        return {Profile.HARSH: HarshCluster, Profile.LONG: LongCluster}.get(self, Cluster)

    @property
    def schedules(self) -> int:
        """So many are played where nobody says how many: one of an hour costs as much as five hundred of a minute."""
        return 20 if self is Profile.LONG else 1_000


@dataclass
class Outcome:
    """What one schedule came to; ``failure`` is "" when every rule held.

    ``times`` are how long things took after the last fault, in milliseconds, by name; ``steps`` those of the cores.
    """

    seed: int
    profile: Profile
    failure: str = ""
    signed: bool = False
    faults: int = 0
    steps: int = 0
    reached: Counter[str] = field(default_factory=Counter)
    times: dict[str, int] = field(default_factory=dict)
    trace: list[str] | None = None


def play(
    seed: int,
    profile: Profile,
    keep_trace: bool = False,
    only: Collection[int] | None = None,
    make: Callable[[World], Cluster] | None = None,
) -> Outcome:
    """Play schedule ``seed``; with ``only`` just these of its faults, by their number, for a shorter story."""
    world = World(seed, keep_trace)
    cluster = (make or profile.cluster)(world)
    outcome = Outcome(seed, profile, reached=world.reached)
    until, recovers = _end(profile, cluster)
    if cluster.kuutamod is not None and profile is Profile.SAFETY:
        until = WITH_KUUTAMOD_MS
    for host in cluster.hosts:
        host.watchful = world.random() < WATCHFUL
    try:
        outcome.faults = _plan_faults(cluster, profile, until, only)
        world.run(until)
        if recovers:
            outcome.times = must_recover(cluster)
    except Violation as violation:
        outcome.failure = f"at {world.now / 1000:.3f} s: {violation}"
        world.note("REFEREE", str(violation))
    except Exception as error:
        # Whatever the core is told, it must not break off.
        outcome.failure = f"at {world.now / 1000:.3f} s: BUG: {error!r}"
    outcome.signed = bool(cluster.chain.signed_by)
    outcome.trace, outcome.steps = world.trace, world.steps
    _note_pairs(world)
    cluster.take_apart()
    return outcome


def _end(profile: Profile, cluster: Cluster) -> tuple[int, bool]:
    """When the last fault may come, and whether it has to work after that."""
    if profile is Profile.LONG:
        return LONG_CALM_AT_MS, True
    recovers = profile is Profile.LIVENESS
    if isinstance(cluster, HarshCluster):
        recovers = cluster.dice.random() < WITH_LIVENESS
    return (CALM_AT_MS if recovers else SIMULATED_MS), recovers


def _plan_faults(cluster: Cluster, profile: Profile, until: int, only: Collection[int] | None) -> int:
    if isinstance(cluster, HarshCluster):
        planned = list(_harsh_faults(cluster, profile, until))
        more = [*requests.plan(cluster, until), *attacks.plan(cluster, until)]
        planned += [(time, kind, host, False) for time, kind, host in more]
        for number, (time, kind, host, aimed) in enumerate(planned):
            if only is None or number in only:
                _plan(cluster, time, kind, host, aimed)
        return len(planned)
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
    more = [*requests.plan(cluster, until), *attacks.plan(cluster, until)]
    for number, (time, kind, host) in enumerate(more, start=len(times)):
        if only is None or number in only:
            _plan(cluster, time, kind, host, aimed=False)
    return len(times) + len(more)


def _harsh_faults(cluster: HarshCluster, profile: Profile, until: int) -> Iterator[tuple[int, str, Host, bool]]:
    rng, is_long = cluster.world.rng, profile is Profile.LONG
    if cluster.kuutamod is not None:
        known: tuple[str, ...] = BESIDE_KUUTAMOD
    elif is_long:
        known = (*WITHOUT_KUUTAMOD, *harsh.LONG_KINDS)
    else:
        # Some of the new ones are in each, or it might as well be another profile.
        old = rng.choice(THEMES) if rng.random() < THEMED else WITHOUT_KUUTAMOD
        known = (
            *rng.sample(old, min(len(old), rng.randint(1, MOST_KINDS))),
            *rng.sample(harsh.HARSH_KINDS, rng.randint(1, MOST_KINDS)),
        )
    if cluster.is_far:
        known = tuple(kind for kind in known if kind != "lease changed")
    for time in (
        _long_times(rng, until) if is_long else [rng.randrange(until) for _ in range(rng.randint(1, MOST_FAULTS))]
    ):
        yield time, rng.choice(known), rng.choice(cluster.hosts), rng.random() < AIMED
    if is_long and rng.random() < WITH_HALT:
        yield rng.randrange(until), HALT, cluster.hosts[0], False


def _long_times(rng: random.Random, until: int) -> Iterator[int]:
    """Alone, or with others: most harm is done where some things go wrong at once."""
    storms = [rng.randrange(until) for _ in range(rng.randint(1, MOST_STORMS))]
    for _ in range(rng.randint(*LONG_FAULTS)):
        yield min(until - 1, rng.choice((rng.randrange(until), rng.choice(storms) + rng.randrange(STORM_MS))))


def _plan(cluster: Cluster, time: int, kind: str, host: Host, aimed: bool) -> None:
    hits = harsh.strike if isinstance(cluster, HarshCluster) else strike
    cluster.world.at(time, lambda: hits(cluster, kind, cluster.holder or host if aimed else host))


def _note_pairs(world: World) -> None:
    struck = sorted(name[7:] for name in world.reached if name.startswith("fault: "))
    world.reached.update(f"pair: {one} + {other}" for one, other in combinations(struck, 2))
