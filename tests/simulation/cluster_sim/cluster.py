"""A whole cluster, drawn by chance: hosts, Consul, chain, and now and then a foreign candidate."""

from __future__ import annotations

import random
from collections.abc import Callable

from near_ha.records.lease_record import LeaseRecord, LeaseState
from near_supervisor.core.conditions.hot_takeover import ALL_SHARDS
from near_supervisor.core.facts.settings import Settings, Strategy

from .attacks import Attacker
from .chain import Chain
from .clock import BootClock
from .consul import Consul
from .host import Host, Shared
from .kuutamod import Kuutamod
from .neard import RELOADS_MS, NeardHost
from .requests import PRIORITIES, Requests
from .world import World

BLOCK_TIMES = (100, 600, 1_200)
# Short leases give more events to the minute, long ones more drift.
LEASES = (2_000, *4 * (4_000,), *14 * (10_000,), *21 * (20_000,))
POLL_MS = 6_000
STARTUP_TIMEOUT_MS = 9_000
HEIGHT_PATIENCES_MS = (0, 0, 3_000)
# Most begin with a lease to be had: waiting out a vacancy takes a third of the time.
WITH_RECORD = 0.85
# Where the height rule is overruled, nothing hides a wait that is too short.
MAY_STAND_STILL = 0.2
MIXED_LEASES = 0.4
WITH_KUUTAMOD = 0.01
SIZES = (2, 3, 3, 3)
HOT_SALT = 0x407
STRAY_SALT = 0x57A
WITH_STRAY = 0.1
SHOWS_BLOCKS = 0.3
# It is found and stopped before everything is calm.
STRAY_ENDS_MS = 28_000
WITH_HOT = 0.5
KUUTAMODS_WAY_SALT = 0x4B4D
KUUTAMODS_WAY = 0.2
TAKES_NO_KEY = 0.1


class Cluster:
    """Two or three hosts of one account."""

    def __init__(self, world: World) -> None:
        rng = world.rng
        # Dice of its own, so that a schedule without it tells the story it always told.
        self._hot = random.Random(world.seed ^ HOT_SALT)  # noqa: S311 - repeatable is what it has to be
        self._strategy = Strategy.HOT if self._hot.random() < WITH_HOT else Strategy.RESTART
        if random.Random(world.seed ^ KUUTAMODS_WAY_SALT).random() < KUUTAMODS_WAY:  # noqa: S311 - as above
            self._strategy = Strategy.KUUTAMOD
        self.world = world
        self._calm = False
        self.chain = Chain(world, rng.choice(BLOCK_TIMES))
        self.consul = self.make_consul(world, self.chain)
        self.requests = Requests(world, world.seed)
        self.attacker = Attacker(self)
        drift = rng.choice((0.0, 0.01, 0.01))
        leases = self._leases(rng.random() < MIXED_LEASES)
        if rng.random() < WITH_RECORD:
            self.consul.write(self._released_record())
        may_stand_still = rng.random() < MAY_STAND_STILL
        self.chain.judges_heights = not may_stand_still
        self.hosts = [
            self._host(self._settings(name, lease_ms, may_stand_still), drift)
            for name, lease_ms in zip("abc", leases, strict=False)
        ]
        for host in self.hosts:
            host.others = [other for other in self.hosts if other is not host]
            host.neard.longest_reload_ms = self._hot.choice(RELOADS_MS)
            host.neard.takes_no_key = self._hot.random() < TAKES_NO_KEY
        self._plan_stray(random.Random(world.seed ^ STRAY_SALT))  # noqa: S311 - repeatable is what it has to be
        self.kuutamod = self._kuutamod() if rng.random() < WITH_KUUTAMOD else None

    def _host(self, settings: Settings, drift: float) -> Host:
        return Host(self.world, Shared(self.consul_of(settings), self.chain, self.requests), settings, drift)

    def make_consul(self, world: World, chain: Chain) -> Consul:
        """The one that all hosts ask."""
        return Consul(world, chain)

    def consul_of(self, _settings: Settings) -> Consul:
        """The one that the host with these settings asks."""
        return self.consul

    def name_of(self, _host: str) -> str:
        """What a host calls the lease."""
        return "default"

    def _plan_stray(self, rng: random.Random) -> None:
        """In a few schedules somebody signs with the key who is no member, for a while. Some are no block producers."""
        self.chain.shows_approvals = rng.random() < 0.7
        # Where they do, the doppelganger hides what another rule has let through.
        self.chain.shows_blocks = rng.random() < SHOWS_BLOCKS
        self.chain.dice = rng
        if rng.random() >= WITH_STRAY:
            return
        begin, end = sorted(rng.randrange(0, STRAY_ENDS_MS) for _ in range(2))
        self.world.at(begin, self.chain.begin_stray)
        self.world.at(end, self.chain.end_stray)

    def _leases(self, mixed: bool) -> list[int]:
        rng = self.world.rng
        size, lease_ms = rng.choice(SIZES), rng.choice(LEASES)
        return [rng.choice(LEASES) if mixed else lease_ms for _ in range(size)]

    def _settings(self, name: str, lease_ms: int, may_stand_still: bool) -> Settings:
        names = (name, name, f"host-{name}", self.name_of(name), "ed25519:KEY")
        return Settings(
            *names,
            lease_ms,
            self.chain.block_time,
            self.chain.skip_ms,
            poll_ms=POLL_MS,
            startup_timeout_ms=STARTUP_TIMEOUT_MS,
            height_patience_ms=self.world.rng.choice(HEIGHT_PATIENCES_MS),
            chain_may_stand_still=may_stand_still,
            # Somebody stands by itself in every cluster.
            priority=100 if name == "a" else self.requests.rng.choice(PRIORITIES),
            strategy=self._strategy,
            keeps_shards_of=ALL_SHARDS,
        )

    def _released_record(self) -> LeaseRecord:
        """What somebody who is long gone has left behind: the first candidate need not wait."""
        height = self.chain.height() - 1
        return LeaseRecord("z", "host-z", LeaseState.RELEASED, 10_000, 3, 1, height, "ed25519:KEY")

    def _kuutamod(self) -> Kuutamod | None:
        self.chain.judges_heights = False
        node = NeardHost(self.world, self.chain, BootClock(self.world, 0.0), "kuutamod")
        return Kuutamod(self.world, self.consul, node)

    @property
    def holder(self) -> Host | None:
        """Who believes to hold the lease; the first of them, if there are two."""
        return next((host for host in self.hosts if host.supervisor and host.supervisor.node.leadership), None)

    @property
    def shares_node_key(self) -> bool:
        """Does whoever validates have the same node key, without being started with the validator key?"""
        return self._strategy is Strategy.KUUTAMOD

    @property
    def longest_lease_ms(self) -> int:
        """The longest lease that anybody has, or had."""
        return max(host.longest_lease_ms for host in self.hosts)

    @property
    def hangs_on_records(self) -> bool:
        """Do nodes have different leases, or clocks that are so far behind that a lag may stay unnoticed?

        Such a cluster lives by what the holder wrote down (assumptions 7 and 8 of safety.md).
        """
        leases = {lease for host in self.hosts for lease in (host.settings.lease_ms, host.longest_lease_ms)}
        return len(leases) > 1 or not all(host.neard.notices_lags for host in self.hosts)

    @property
    def owed_ms(self) -> int:
        """How much longer recovery, or a hand-over, may take than it does at best."""
        return 0

    @property
    def peace_ms(self) -> int:
        """For how long the one that signs has to stay it, when everything is calm."""
        return 0

    @property
    def longest_lag_ms(self) -> int:
        """So far may a head be behind the chain without any fault."""
        return max(host.neard.usual_lag for host in self.hosts) * self.chain.block_time

    @property
    def signers(self) -> list[str]:
        """Who signs now."""
        foreign = ["kuutamod"] if self.kuutamod is not None and self.kuutamod.signs else []
        return [host.name for host in self.hosts if host.signs] + foreign

    @property
    def states(self) -> dict[str, str]:
        """What each supervisor says of itself."""
        return {host.name: host.state for host in self.hosts}

    def delete_key(self, also_kept: bool = False) -> None:
        """An operator's hand, which rests when everything is calm."""
        if not self._calm:
            self.consul.delete(also_kept)

    def attack(self, attack: Callable[[], None]) -> None:
        """An attack that rests when everything is calm."""
        if not self._calm:
            attack()

    def fall_behind(self, host: Host, blocks: int) -> None:
        """The next burst of a head that lags, unless everything is calm by then."""
        if not self._calm:
            host.neard.fall_behind(blocks)

    def end_neard(self, host: Host) -> None:
        """A crash that was under way, unless everything is calm by then."""
        if not self._calm:
            host.end_neard()

    def take_apart(self) -> None:
        """Cut the knot of references, so that all of it is freed now and no search for garbage is needed."""
        self.world.forget()
        for host in self.hosts:
            for part in (host.supervisor, host.guard, host.neard, host):
                if part is not None:
                    vars(part).clear()
        vars(self.consul).clear()
        vars(self.requests).clear()
        vars(self.attacker).clear()

    def calm(self) -> None:
        """Everything is well again; what was broken may take its time to recover."""
        self.world.note("world", "the faults stop")
        self._calm = True
        for host in self.hosts:
            host.calm()
        self.consul.leaderless_until = self.chain.held_until = self.world.now
        self.requests.pause(False)
        if self.kuutamod is not None:
            self.kuutamod.link.heal()
        self.chain.set_pace(self.chain.block_time)
