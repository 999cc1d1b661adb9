"""Two clusters of one validator key in one Consul: the hosts have two names for the lease, and one lock of the key.

A model of its own beside the profiles, so that their schedules tell the stories that they always told.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from near_ha.records.lease_record import LeaseRecord, LeaseState
from near_supervisor.core.facts.answer import YES, Answer, Kind
from near_supervisor.core.facts.key_lock import KeySeen
from near_supervisor.core.facts.lease_view import How, Seen
from near_supervisor.core.facts.settings import Settings

from .attacks import LEASES_MS
from .chain import Chain
from .cluster import Cluster
from .consul import Consul, no
from .world import World

NAMES_SALT = 0x2A3E
NAMES = ("default", "my.pool.near")


class KeyLock:
    """The lock of the key, and what both names have in common: the count of all writes."""

    def __init__(self) -> None:
        self.index = 10
        self.seen = KeySeen()
        self.past: list[tuple[int, KeySeen]] = [(0, self.seen)]
        self.locked_until = 0

    def store(self, now: int, seen: KeySeen) -> None:
        """What it is from now on."""
        self.seen = seen
        self.past.append((now, seen))

    def forge(self, now: int, dice: random.Random, sessions: tuple[str, ...]) -> None:
        """Somebody without the key writes what would open at once, under this lock, none, or any that there is."""
        self.index += 1
        lease = LeaseRecord("mallory", "m", LeaseState.RELEASED, dice.choice(LEASES_MS), 2**40, 2**50, 0, "ed25519:KEY")
        session = dice.choice((self.seen.session, None, dice.choice((None, *sessions))))
        self.store(now, KeySeen(self.index, dice.choice(NAMES), None, session, claim=lease, doubt="it is not signed"))


class NamedConsul(Consul):
    """Consul as the nodes of one name use it: each transaction about the lease is about the lock of the key, too."""

    def __init__(self, world: World, chain: Chain, name: str, lock: KeyLock) -> None:
        self.name, self.lock = name, lock
        super().__init__(world, chain)

    @property
    def index(self) -> int:
        """Consul counts all writes."""
        return self.lock.index

    @index.setter
    def index(self, index: int) -> None:
        self.lock.index = max(index, self.lock.index)

    def read(self, stale_ms: int = 0) -> Seen:
        """With the lock of the key, which is read after it."""
        then = self._world.now - stale_ms
        key = self.lock.seen if not stale_ms else [seen for since, seen in self.lock.past if since <= max(0, then)][-1]
        return replace(super().read(stale_ms), key=key)

    def create_session(self, ttl: int, lock_delay: int) -> str:
        """Of this name."""
        made = super().create_session(ttl, lock_delay)
        session = self.sessions.pop(made)
        self.sessions[f"{self.name}-{made}"] = session
        self._schedule_end(f"{self.name}-{made}")
        return f"{self.name}-{made}"

    def end_session(self, name: str) -> None:
        """Its lock of the key is released and delayed as that of the lease is."""
        session = self.sessions.get(name)
        super().end_session(name)
        if session is not None and self.lock.seen.session == name:
            self.lock.locked_until = self._world.now + session.lock_delay
            self.index += 1
            self.lock.store(self._world.now, replace(self.lock.seen, index=self.index, session=None))

    def acquire(
        self, how: How, index: int | None, session: str, record: LeaseRecord, key_index: int | None = None
    ) -> Answer:
        """And check-index (or check-not-exists), delete-cas, lock."""
        if self.lock.seen.index != key_index:
            return no("the index of the key's lock is stale")
        if self._world.now < self.lock.locked_until:
            return no("due to lock delay")
        answer = super().acquire(how, index, session, record)
        return self._keep(answer, session, record)

    def heartbeat(self, session: str, record: LeaseRecord, index: int | None) -> Answer:
        """And check-index, lock; where that is not as it was written, it is read and claimed."""
        key = self.lock.seen
        if key.index is not None and key.session != session and (key.doubt or key.account_id != self.name):
            return no("another name has the lock of the key")
        return self._keep(super().heartbeat(session, record, index), session, record)

    def release(self, session: str, record: LeaseRecord, index: int | None) -> Answer:
        """And unlock."""
        ours = self.lock.seen.session == session
        answer = super().release(session, record, index)
        return self._keep(answer, None, record) if ours else answer

    def _keep(self, answer: Answer, session: str | None, record: LeaseRecord) -> Answer:
        if answer.kind is Kind.YES:
            self.lock.store(self._world.now, KeySeen(self.index, self.name, record, session))
            return YES
        return answer


class TwoNames(Cluster):
    """A cluster of which some hosts have another name for the lease; each name has a Consul's view of its own."""

    def __init__(self, world: World) -> None:
        self._dice = random.Random(world.seed ^ NAMES_SALT)  # noqa: S311 - repeatable is what it has to be
        self.lock = KeyLock()
        self.other: NamedConsul | None = None
        super().__init__(world)

    def make_consul(self, world: World, chain: Chain) -> Consul:
        """The one of the first name."""
        self.other = NamedConsul(world, chain, NAMES[1], self.lock)
        return NamedConsul(world, chain, NAMES[0], self.lock)

    def attack(self, attack: Callable[[], None]) -> None:
        """Whoever writes to the lease of the first name writes over the lock of the key as well.

        What is hidden by that has the lease that everybody has (assumption 8).
        """
        super().attack(attack)
        if not self._calm and not self.hangs_on_records:
            sessions = (*self.consul.sessions, *(self.other.sessions if self.other is not None else ()))
            self.lock.forge(self.world.now, self._dice, sessions)

    def consul_of(self, settings: Settings) -> Consul:
        """The first host has the first name, the second one the other."""
        return self.other if self.other is not None and settings.account_id == NAMES[1] else self.consul

    def _kuutamod(self) -> None:
        """It knows the name alone, so of two names it excludes one."""

    def name_of(self, host: str) -> str:
        """The first two differ; the third is drawn."""
        return NAMES[self._dice.randrange(2)] if host == "c" else NAMES[host == "b"]
