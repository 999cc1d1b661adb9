"""One schedule: a cluster, some faults, sixty seconds; and what came of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum

from near_ha.states import State
from near_supervisor.core.settings import Settings

from .chain import Chain
from .consul import Consul
from .faults import FAULTS
from .host import Host
from .world import Violation, World

SIMULATED_MS = 60_000
CALM_AT_MS = 30_000
# After the last fault: restarts, sessions that run out, two leases of the slowest node, a chain to wait for.
CALM_MS = 150_000
BLOCK_TIMES = (100, 600, 1_200)
LEASES = (4_000, 10_000, 10_000, 20_000)
POLL_MS = 3_000


class Profile(str, Enum):
    """``SAFETY``: faults to the end, only the rules are looked at. ``LIVENESS``: the faults stop, then it must work."""

    SAFETY = "safety"
    LIVENESS = "liveness"


@dataclass
class Outcome:
    """What one schedule came to; ``failure`` is "" when every rule held."""

    seed: int
    profile: Profile
    failure: str = ""
    signed: bool = False
    reached: Counter[str] = field(default_factory=Counter)
    trace: list[str] | None = None


def play(seed: int, profile: Profile, keep_trace: bool = False, only: int | None = None) -> Outcome:
    """Play schedule ``seed``; with ``only`` just its first so many faults, for a shorter story."""
    world = World(seed, keep_trace)
    rng = world.rng
    chain = Chain(world, rng.choice(BLOCK_TIMES))
    consul = Consul(world)
    mixed = rng.random() < 0.2
    lease_ms = rng.choice(LEASES)
    drift = rng.choice((0.0, 0.01))
    hosts = [
        Host(world, consul, chain, _settings(name, rng.choice(LEASES) if mixed else lease_ms, chain.block_time), drift)
        for name in ("a", "b", "c")[: rng.choice((2, 3, 3))]
    ]
    for host in hosts:
        host.others = [other for other in hosts if other is not host]
    last = SIMULATED_MS if profile is Profile.SAFETY else CALM_AT_MS
    _plan_faults(world, hosts, last, only)
    outcome = Outcome(seed, profile, reached=world.reached)
    try:
        world.run(SIMULATED_MS if profile is Profile.SAFETY else CALM_AT_MS)
        if profile is Profile.LIVENESS:
            _calm(world, hosts)
            world.run(CALM_AT_MS + CALM_MS)
            _one_signs(hosts)
    except Violation as violation:
        outcome.failure = f"at {world.now / 1000:.3f} s: {violation}"
        world.note("REFEREE", str(violation))
    outcome.signed = bool(chain.signed_by)
    outcome.trace = world.trace
    return outcome


def _settings(name: str, lease_ms: int, block_time: int) -> Settings:
    names = (name, name, f"host-{name}", "default", "ed25519:KEY")
    return Settings(*names, lease_ms, block_time, poll_ms=POLL_MS, startup_timeout_ms=9_000)


def _plan_faults(world: World, hosts: list[Host], last: int, only: int | None) -> None:
    rng = world.rng
    kinds = rng.sample(list(FAULTS), rng.randint(1, 5))
    world.reached.update(f"pair: {one} + {other}" for one in kinds for other in kinds if one < other)
    times = sorted(rng.randrange(0, last) for _ in range(rng.randint(1, 14)))
    for number, time in enumerate(times):
        kind, host = rng.choice(kinds), rng.choice(hosts)
        if only is not None and number >= only:
            continue

        def happen(kind: str = kind, host: Host = host) -> None:
            world.reached[f"fault: {kind}"] += 1
            world.note(host.name, f"FAULT: {kind}")
            FAULTS[kind](world, host)

        world.at(time, happen)


def _calm(world: World, hosts: list[Host]) -> None:
    """Everything is well again; what was broken may take its time to recover."""
    world.note("world", "the faults stop")
    for host in hosts:
        host.link.heal()
        host.neard.rejoin()
        host.neard.silent = host.neard.deaf = False
        if host.supervisor is not None:
            host.supervisor.crash_chance = 0.0
    hosts[0].neard.chain.set_pace(hosts[0].neard.chain.block_time)


def _one_signs(hosts: list[Host]) -> None:
    signing = [
        host.name
        for host in hosts
        if host.guard and host.guard.neard and host.guard.neard.armed and host.guard.neard.up
    ]
    states = {host.name: host.supervisor.node.state.value if host.supervisor else "none" for host in hosts}
    if len(signing) != 1:
        raise Violation(f"{CALM_MS // 1000} s after the last fault {len(signing)} nodes sign; states: {states}")
    ready = [name for name, state in states.items() if state in (State.VOTING.value, State.VALIDATING.value)]
    if len(ready) != len(hosts):
        raise Violation(f"{CALM_MS // 1000} s after the last fault not every node stands ready: {states}")
