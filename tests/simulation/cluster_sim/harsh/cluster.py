"""A cluster with the models of the harsh profiles, and what they ask of it."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import replace
from typing import cast

from near_ha.records.switchover import Switchover
from near_supervisor.core.conditions.election import LONGEST_COOL_DOWN_MS
from near_supervisor.core.facts import chain_clock
from near_supervisor.core.facts.heads import ENOUGH_FOR_PACE
from near_supervisor.core.facts.settings import Settings

from .. import hook
from ..chain import Chain
from ..cluster import Cluster
from ..consul import Consul
from ..host import Host, Shared
from ..link import QUICK_MS
from ..world import World
from .consul import HarshConsul
from .halts import Halts
from .host import HarshHost

SALT = 0x4A25
CLOCK_SALT = 0xC10C
FAR_CONSUL = 0.5
# So long may one answer of Consul take, of a lease, and all has to go on (core/facts/lease.py).
FARTHEST = 0.35
PEACE_LEASES = 5
# NTP never slews a clock by more than 0.05 %; in an hour all that one may be wrong by hides what else there is.
WITH_GOOD_CLOCKS = 0.7
GOOD_CLOCKS = 0.05
SHOWS_BLOCKS = 0.7


class HarshCluster(Cluster):
    """``answers_take_ms``: so long takes Consul in this schedule, whatever else it does; half of them are as ever.

    ``troubled_until``: no fault has an effect of its own after that.
    """

    # Of the drift that is drawn, so much the clocks have.
    clock_scale = 1.0

    def __init__(self, world: World) -> None:
        # Dice of its own, as with everything that came after the first profiles.
        self.dice = random.Random(world.seed ^ SALT)  # noqa: S311 - repeatable is what it has to be
        self.answers_take_ms = 0
        self.troubled_until = 0
        super().__init__(world)
        self.chain.shows_blocks = self.dice.random() < SHOWS_BLOCKS
        self.halts = Halts(self)
        self.requests.is_against = lambda target, request: hook.is_against(world.seed, target, request)
        self._requested: deque[tuple[int, bool, Switchover | None, int]] = deque(maxlen=100)
        self._note_requests()
        self.requests.watch(self._note_requests)
        self._least_lease_ms = min(host.settings.lease_ms for host in self.hosts)
        if self.kuutamod is None and self.dice.random() < FAR_CONSUL:
            # Both ways have what is quick on top.
            most = max(1, int(self._least_lease_ms * FARTHEST) - 2 * QUICK_MS)
            self.answers_take_ms = self.dice.randrange(most)
        for host in self.hosts:
            host.link.usual_ms = host.link.least_ms = self.answers_take_ms // 2

    def make_consul(self, world: World, chain: Chain) -> Consul:
        """One with member records."""
        return HarshConsul(world, chain)

    def _settings(self, name: str, lease_ms: int, may_stand_still: bool) -> Settings:
        settings = super()._settings(name, lease_ms, may_stand_still)
        return replace(settings, pre_takeover=hook.has_one(self.world.seed, name))

    def _host(self, settings: Settings, drift: float) -> Host:
        shared = Shared(self.consul_of(settings), self.chain, self.requests)
        return HarshHost(self.world, shared, settings, drift * self.clock_scale)

    @property
    def harsh_hosts(self) -> list[HarshHost]:
        """The same hosts, by what they are here."""
        return [cast(HarshHost, host) for host in self.hosts]

    @property
    def is_far(self) -> bool:
        """Does Consul take its time in this schedule?"""
        return bool(self.answers_take_ms)

    def bears(self, lease_ms: int) -> bool:
        """Is that lease long enough for this Consul?"""
        return lease_ms * FARTHEST >= self.answers_take_ms + 2 * QUICK_MS

    @property
    def is_calm(self) -> bool:
        """Have the faults stopped?"""
        return self._calm

    def trouble(self, for_ms: int) -> None:
        """A fault goes on for so long."""
        self.troubled_until = max(self.troubled_until, self.world.now + for_ms)

    @property
    def owed_ms(self) -> int:
        """How much longer recovery may take: whoever failed again and again lets others go first, and Consul is slow.

        (As many of its answers one after another as a start takes: session, lease, two of the heartbeat, release.)
        """
        cooling = [
            max(0, host.supervisor.node.early_ends.cool_until - host.clock.now())
            for host in self.hosts
            if host.supervisor
        ]
        slow_ms = 8 * self.answers_take_ms + self._fast_clock_ms + self._unknown_pace_ms
        return min([*cooling, LONGEST_COOL_DOWN_MS]) + slow_ms

    @property
    def _unknown_pace_ms(self) -> int:
        """Who is told of a faster chain takes each head of a neard that lags for an old one, before it knows better."""
        told = min(host.settings.block_time_ms for host in self.hosts)
        return ENOUGH_FOR_PACE * self.chain.block_time if told < self.chain.block_time else 0

    @property
    def _fast_clock_ms(self) -> int:
        """Who is faster than the core allows for takes every head for an old one, the more the longer it runs.

        Of a predecessor it then says for too long that it may still sign: by what the clock is fast, and one percent.
        """
        fastest = max(host.clock.rate for host in self.hosts) - 1
        return (
            int(self.world.now * (fastest + 1 / chain_clock.SLOW_DIVISOR))
            if fastest > 1 / chain_clock.FAST_DIVISOR
            else 0
        )

    def _note_requests(self) -> None:
        requests = self.requests
        self._requested.append((self.world.now, requests.paused, requests.request, requests.index))

    def request_again(self, then: int, in_place: bool) -> None:
        """What operators request is in Consul, too: it is as it was ``then``."""
        newest = self.requests.index
        found = next((entry for entry in reversed(self._requested) if entry[0] <= then), self._requested[0])
        _, paused, request, index = found
        self.requests.put_back(paused, request, index, max(newest, self.requests.counted) if in_place else 0)

    @property
    def peace_ms(self) -> int:
        """Long enough that a Consul which loses one request of many would show."""
        return PEACE_LEASES * self.longest_lease_ms

    def calm(self) -> None:
        """Everything is well again."""
        super().calm()
        self.halts.end()


class LongCluster(HarshCluster):
    """For an hour: most of its clocks are as good as those of a host that asks an NTP server."""

    def __init__(self, world: World) -> None:
        if random.Random(world.seed ^ CLOCK_SALT).random() < WITH_GOOD_CLOCKS:  # noqa: S311 - as above
            self.clock_scale = GOOD_CLOCKS
        super().__init__(world)
