"""Consul as far as the lease needs it: linearisable transactions, sessions with a TTL, lock delay, lost leaders.

The conditions of the five transactions were read off a real Consul (tests/integration/consul_store).
Member records are not in it (harsh/members.py has them): nothing that is decided about safety reads them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace

from near_ha.records.lease_record import LeaseRecord
from near_supervisor.core.facts.answer import YES, Answer, Kind
from near_supervisor.core.facts.lease_view import How, Seen

from .chain import Chain
from .world import Violation, World

UNKNOWN = Answer(Kind.UNKNOWN, "no answer")


# So many values of the key are kept for reads that are stale.
KEPT = 200


def no(reason: str) -> Answer:
    """Consul's *no*."""
    return Answer(Kind.NO, reason)


class Session:
    """A session; it ends anywhere between one and two TTLs after its last renewal."""

    __slots__ = ("lock_delay", "renewals", "ttl")

    def __init__(self, ttl: int, lock_delay: int) -> None:
        self.ttl, self.lock_delay = ttl, lock_delay
        self.renewals = 0


class Consul:
    """The lease key, its lock, the last heartbeat that is kept apart from it, and the sessions.

    ``was_emptied``: there was a time at which none of all that was ever written was there any more.
    """

    def __init__(self, world: World, chain: Chain) -> None:
        self._world, self._chain = world, chain
        self.seen = Seen(None)
        self._past: deque[tuple[int, Seen]] = deque([(0, self.seen)], maxlen=KEPT)
        self.index = 10
        # Consul's CreateIndex of the lease: another one after each takeover.
        self.created = 0
        self.sessions: dict[str, Session] = {}
        self.leaderless_until = 0
        self.last_way: How | None = None
        self.was_emptied = False
        # What members have signed, for whoever wants to put it back.
        self.signed: deque[LeaseRecord] = deque(maxlen=KEPT)
        self._kept: LeaseRecord | None = None
        self._kept_index: int | None = None
        self._locked_until = 0
        self._made = 0
        self._watchers: list[Callable[[], None]] = []

    @property
    def leads(self) -> bool:
        """Can anything be written or read consistently now?"""
        return self._world.now >= self.leaderless_until

    def watch(self, changed: Callable[[], None]) -> None:
        """Call ``changed`` after each change of the lease."""
        self._watchers.append(changed)

    def read(self, stale_ms: int = 0) -> Seen:
        """The key as it is, or as it was ``stale_ms`` ago."""
        if not stale_ms:
            return self.seen
        then = self._world.now - stale_ms
        older = [seen for since, seen in self._past if since <= then]
        return older[-1] if older else self._past[0][1]

    def with_kept(self, seen: Seen) -> Seen:
        """What was read, and the last heartbeat: that read is never stale."""
        return replace(seen, kept=self._kept, kept_index=self._kept_index)

    # --- sessions

    def create_session(self, ttl: int, lock_delay: int) -> str:
        """A new session."""
        self._made += 1
        name = f"session-{self._made}"
        self.sessions[name] = Session(ttl, lock_delay)
        self._schedule_end(name)
        return name

    def renew(self, name: str) -> Answer:
        """Extend it."""
        session = self.sessions.get(name)
        if session is None:
            return no(f"{name} not found")
        session.renewals += 1
        self._schedule_end(name)
        return YES

    def _schedule_end(self, name: str) -> None:
        session = self.sessions[name]
        renewals, ttl = session.renewals, session.ttl

        def end() -> None:
            # One that a snapshot brought back is another one, with a time of its own.
            if self.sessions.get(name) is session and session.renewals == renewals:
                self.end_session(name)

        self._world.after(ttl + int(self._world.rng.random() * ttl), end)

    def end_session(self, name: str) -> None:
        """By its TTL, by its owner or by an operator: the lock is released, and delayed for the next one."""
        session = self.sessions.pop(name, None)
        if session is None or self.seen.session != name:
            return
        self._locked_until = self._world.now + session.lock_delay
        self.index += 1
        self._set(replace(self.seen, index=self.index, session=None))

    def drop(self, name: str) -> Answer:
        """Its owner ends it."""
        self.end_session(name)
        return YES

    # --- the lease

    def note_vacancy(self, record: LeaseRecord, kept_index: int | None) -> Answer:
        """check-not-exists, check-index (of the last heartbeat), set."""
        if self.seen.index is not None:
            return no("key exists")
        if self._kept_index != kept_index:
            return no("index is stale")
        self._store(record, record.node_id, None)
        return YES

    def acquire(
        self, how: How, index: int | None, session: str, record: LeaseRecord, key_index: int | None = None
    ) -> Answer:
        """check-index, (delete-cas,) set (what is kept), lock. ``key_index``: for two_names.py."""
        del key_index
        if self.seen.index is None or self.seen.index != index:
            return no("index is stale")
        if session not in self.sessions:
            return no("invalid session")
        if how is not How.TAKEOVER and self.seen.session not in (None, session):
            return no("lock is already held")
        if self._world.now < self._locked_until:
            return no("due to lock delay")
        self.last_way = how
        self.created += how is How.TAKEOVER
        self._store(record, record.node_id, session)
        self._kept, self._kept_index = record, self.index
        return YES

    def heartbeat(self, session: str, record: LeaseRecord, index: int | None) -> Answer:
        """check-session, check-index, set (what is kept), set."""
        if self.seen.index is None or self.seen.session != session:
            return no("failed session check")
        if self.seen.index != index:
            return Answer(Kind.UNKNOWN, "failed index check")
        self._store(record, record.node_id, session)
        self._kept, self._kept_index = record, self.index
        return YES

    def release(self, session: str, record: LeaseRecord, index: int | None) -> Answer:
        """check-session, check-index, unlock. Whenever it takes effect, however late: no neard may be armed then."""
        if self.seen.index is None or self.seen.session != session:
            return no("failed session check")
        if self.seen.index != index:
            return Answer(Kind.UNKNOWN, "failed index check")
        if self._chain.armed is not None:
            raise Violation(f"{record.node_id}'s release of term {record.term} while {self._chain.armed} is armed")
        self._store(record, record.node_id, None)
        return YES

    def acquire_as_kuutamod(self, session: str, name: str) -> bool:
        """``kv put acquire=``: only the lock decides, whatever the record says."""
        if session not in self.sessions or self.seen.session not in (None, session):
            return False
        if self._world.now < self._locked_until:
            return False
        self._store(None, name, session)
        return True

    def write(self, record: LeaseRecord) -> None:
        """Put a record there without a lock."""
        self._store(record, record.node_id, None)

    def forge(self, claim: LeaseRecord, session: str | None, also_kept: bool = False) -> None:
        """Somebody without the key of the members writes a record, under this lock; or the last heartbeat as well."""
        self.index += 1
        doubtful = Seen(self.index, None, claim.node_id, session, claim=claim, doubt="it is not signed")
        self._set_both(doubtful, *((None, self.index) if also_kept else (self._kept, self._kept_index)))

    def _set_both(self, seen: Seen, kept: LeaseRecord | None, kept_index: int | None) -> None:
        # What was there before is one state of both.
        self._set(replace(seen, kept=kept, kept_index=kept_index))
        self._kept, self._kept_index = kept, kept_index

    def put_back(self, record: LeaseRecord, session: str | None) -> None:
        """Somebody without the key writes what a member has signed once."""
        self._store(record, record.node_id, session)

    def delete(self, also_kept: bool = False) -> None:
        """An operator deletes the key, the lock goes with it, without a delay; or all that there is."""
        self._set_both(Seen(None), *((None, None) if also_kept else (self._kept, self._kept_index)))
        self.was_emptied = self.was_emptied or self._kept is None

    def _store(self, record: LeaseRecord | None, holder: str, session: str | None) -> None:
        self.index += 1
        if record is not None:
            self.signed.append(record)
        self._set(Seen(self.index, record, holder, session))

    def _set(self, seen: Seen) -> None:
        self.created += self.seen.index is None and seen.index is not None
        self.seen = seen
        self._past.append((self._world.now, seen))
        for changed in self._watchers:
            changed()
