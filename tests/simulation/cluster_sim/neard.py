"""neard of one host: its processes, its database, its place in the chain."""

from __future__ import annotations

from near_supervisor.core.facts.approvals import Own
from near_supervisor.core.facts.sync import Sample
from near_supervisor.core.facts.work import Work

from .chain import Chain, waits
from .clock import BootClock
from .world import Violation, World

USUAL_LAGS = (0, 0, 1, 4)
UNNOTICED_LAGS = (0, 4, 30)
FAR_BEHIND_MS = -30_000
# What a block tells as its time where the schedule has zero: as on a real chain, nothing that it can count back to.
EPOCH_MS = 1_700_000_000_000
# From SIGHUP until the key is taken up.
RELOADS_MS = (50, 1_000)


class Neard:
    """One process. With a key, it signs every target that its head allows from when it is up until it has ended."""

    __slots__ = (
        "_began_at", "_first", "_host", "_refused",
        "alive", "armed", "as_validator", "hangs", "killing", "loaded", "pid", "tag", "up",
    )  # fmt: skip

    def __init__(self, host: NeardHost, pid: int, tag: str, as_validator: bool = False) -> None:
        self._host, self.pid, self.tag, self.as_validator = host, pid, tag, as_validator
        self._began_at = host.world.now
        # It reads the key at its start, whoever put it there.
        self.armed = self.loaded = host.key_on_disk
        self.alive = host.lock_is_held = True
        self.up = False
        self.killing = self.hangs = False
        self._first: int | None = None
        if self.armed:
            host.chain.arm(host.name, pid)
        # It says at once who it is, and peers with a connection of that account or node key take no second one.
        others = host.chain.have_node_key if as_validator else set()
        self._refused = ((self.armed or as_validator) and host.chain.is_held()) or bool(others)
        if as_validator:
            host.chain.have_node_key.add((host.name, pid))
        if self._refused:
            host.isolate()

    @property
    def is_refused(self) -> bool:
        """Do its peers take no connection of it?"""
        return self._refused and self._host.is_isolated

    def work(self) -> Work:
        """What the kernel tells of one that does not answer: it works (also for ever), or it waits."""
        busy = self._host.starts_busily and self.alive
        return Work(self._host.world.now - self._began_at if busy else 0, 0)

    def come_up(self) -> None:
        """Its RPC answers, and it does its duties."""
        if self.alive:
            self.up = True
            self.sign()

    def take_key(self, tag: str) -> None:
        """The key is put in place while it runs: it may sign from now on, whenever it looks."""
        self.armed, self.tag = True, tag
        self._host.chain.arm(self._host.name, self.pid)

    def load_key(self) -> None:
        """It has looked. What it has used up without a key it does not approve; a block of its own it makes at once."""
        host = self._host
        if self.alive and self.up and not self.loaded:
            head = host.head()
            self.loaded = True
            self._first = head + 1 if host.chain.is_ours(head + 1) else min(host.target() + 1, head + 3)
            self.sign()

    def lose_key(self) -> None:
        """It has looked, and there is none any more."""
        self.sign()
        if self.alive and self.up and not self._host.key_on_disk:
            self.loaded, self._first = False, None

    def disarm(self) -> None:
        """It counts as a standby from now on. Violation if it could still sign."""
        if self.loaded:
            raise Violation(f"{self._host.name}/{self.pid} counts as a standby and has the key")
        self.armed = False
        self._host.chain.disarm(self._host.name, self.pid)

    def sign(self) -> None:
        """Write into the book what it has signed until now."""
        host = self._host
        if not (self.loaded and self.alive and self.up) or host.stopped:
            return
        self._first = host.head() + 1 if self._first is None else self._first
        if self._first <= host.target():
            host.chain.sign(host.name, self._first, host.target())

    def end(self) -> None:
        """It has ended, and signs nothing any more. Its last block may be one that nobody else has got."""
        self.sign()
        target = self._host.target()
        if self.loaded and self.up and self._first is not None and self._host.makes(target):
            self._host.chain.sign(self._host.name, self._first, target + 1)
        self.alive = self._host.lock_is_held = False
        if self._refused:
            self._host.rejoin()
        self._host.chain.have_node_key.discard((self._host.name, self.pid))
        self._host.chain.disarm(self._host.name, self.pid)


class NeardHost:
    """What outlives the processes: the key's place, the database, the head that follows the chain, or does not.

    ``lock_is_held``: a neard has the database. ``stopped``: all processes of the host stand still.
    ``silent`` (no answer), ``unheard`` (nothing of it arrives), ``deaf`` (to SIGTERM), ``takes_no_key`` (at SIGHUP),
    ``broken`` (ends at each start) and ``start_ms`` (until it is up) are what it is like at the moment;
    ``guard_dies_starting``: its guard will not outlive the next armed start by more than a moment.
    ``hides_blocks``: it answers no question about blocks; ``dies_armed``: in its first second with the key;
    ``longest_status_ms``: so long may an answer take (0 = as ever). These three are of the harsh profiles.
    """

    def __init__(self, world: World, chain: Chain, clock: BootClock, name: str) -> None:
        self.world, self.chain, self.clock, self.name = world, chain, clock, name
        self.key_on_disk = self.lock_is_held = False
        self.guard_dies_starting = False
        self.stopped = self.silent = self.deaf = self.broken = self.takes_no_key = self.unheard = False
        self.hides_blocks = self.dies_armed = False
        self.longest_status_ms = 0
        self._clock_error = world.rng.choice((0, 0, *3 * (world.rng.randrange(-2_000, 2_000),), FAR_BEHIND_MS))
        # Blocks take a while to get here; with a clock that is far behind, nobody would notice a long one.
        self.usual_lag = self.behind = world.rng.choice(USUAL_LAGS if self.notices_lags else UNNOTICED_LAGS)
        # Less than the half of a block time by which the supervisor lets itself misread the chain's clock.
        self._hops_ms = world.rng.choice((0, 0, chain.block_time * 2 // 5))
        self._frozen_at: int | None = None
        self._has_metric = world.chance(0.8)
        self._known_at_tip = False
        self.longest_stop_ms = world.rng.choice((100, 2_000))
        self.usual_start_ms = self.start_ms = world.rng.choice((300, 1_000, 3_000))
        self.longest_reload_ms = RELOADS_MS[0]
        self._head = 0
        # Some databases are not to be read.
        self._database_tells = (world.seed + len(name) + ord(name[-1])) % 3 > 0
        # Some work on their database when they start, and cannot be told from one that spins.
        self.starts_busily = (world.seed + ord(name[-1])) % 5 > 2

    @property
    def notices_lags(self) -> bool:
        """Is its wall clock good enough to show that a head is old?"""
        return self._clock_error > FAR_BEHIND_MS

    @property
    def speaks(self) -> bool:
        """Does it answer when it is asked?"""
        return not self.silent and not self.stopped

    def head(self) -> int:
        """Height of its newest block; never goes back."""
        tip = self._head_at(self.behind if self._known_at_tip else self.usual_lag)
        self._head = max(self._head, tip if self._frozen_at is None else self._frozen_at)
        return self._head

    def _head_at(self, lag: int) -> int:
        """What it has when it is so many block times behind."""
        return self.chain.head(lag * self.chain.block_time, self._hops_ms)

    def target(self) -> int:
        """The largest height it has approved: one above its head, and one more for each wait without a block."""
        head = self.head()
        arrived = self.chain.made(head) + self.usual_lag * self.chain.block_time
        return head + 1 + waits(self.world.now - arrived, self.chain.skip_ms)

    def makes(self, height: int) -> bool:
        """Has it made that block, and lost it with its connection?"""
        at_tip = height == self.chain.height() + 1 and not self.stopped
        return at_tip and self.chain.is_ours(height) and self.world.chance(0.5)

    def forget_tip(self) -> None:
        """A new supervisor: with a wall clock that is behind it has to see the tip first (safety.md, assumption 7)."""
        self._known_at_tip = self._clock_error >= 0

    def wrote(self) -> int | None:
        """Above which height it has signed nothing, by the database, once the process has ended; None = not told."""
        if not self._database_tells:
            return None
        return max(self.chain.signed_by.get(self.name, 0), self.head() + 1)

    def fall_behind(self, blocks: int) -> None:
        """Its head stays so many block times below where it would be."""
        self.behind = self.usual_lag + blocks

    def isolate(self) -> None:
        """Cut it off from the chain; it will say that it is in sync."""
        self._frozen_at = self.head()

    @property
    def is_isolated(self) -> bool:
        """Does nothing of the chain arrive?"""
        return self._frozen_at is not None

    def rejoin(self) -> None:
        """It knows the chain as well as ever again, at once."""
        self._frozen_at, self.behind = None, self.usual_lag

    def recover(self) -> None:
        """Everything is as it should be."""
        self.rejoin()
        self.silent = self.deaf = self.broken = self.takes_no_key = self.unheard = self.guard_dies_starting = False
        self.hides_blocks = self.dies_armed = False
        self.longest_status_ms = 0
        self.start_ms = self.usual_start_ms

    def own_approvals(self, above: int) -> Own:
        """What the blocks that it has show of its own approvals above ``above``."""
        head = self.head()
        newest = 0 if self.unheard else min(head, self.chain.signed_by.get(self.name, 0))
        return Own(head, newest if newest > above else None, max(0, head - max(newest, above)))

    def _told_target(self, neard: Neard) -> int:
        return 0 if neard.armed and not neard.loaded else self.target()

    def sample(self, neard: Neard, metrics: bool) -> Sample:
        """What ``neard`` says when it is asked, with ``metrics`` also what only these tell."""
        head, isolated = self.head(), self._frozen_at is not None
        born = self.chain.born(head)
        missing = self.chain.missing(head) - self.chain.missing(self._head_at(self.usual_lag))
        self._known_at_tip = self._known_at_tip or missing <= 0
        return Sample(
            height=head,
            syncing=not isolated and missing > 2 and self.world.chance(0.7),
            head_age_ms=self.world.now - born + self._clock_error,
            peers=0 if isolated else 4,
            # The metric knows of what this host has signed itself, and what it would have without a key.
            target_height=self._told_target(neard) if metrics and self._has_metric else None,
            shows_key=neard.loaded,
            version="2.10.0",
            chain_id="localnet",
            born_ms=born + EPOCH_MS,
        )
