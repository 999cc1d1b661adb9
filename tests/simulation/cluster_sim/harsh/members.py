"""The member records in Consul: each locked with its node's session, and only as new as its last write."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from near_ha.records.cluster import MemberStatus
from near_ha.records.member_record import Member
from near_supervisor.core.facts.answer import YES, Answer

from ..consul import no
from ..world import World

# So many states are kept for reads that are stale.
KEPT = 100
Records = Mapping[str, MemberStatus]
NO_RECORDS: Records = MappingProxyType({})


class Taken(NamedTuple):
    """A claim's answer; ``by`` names who has the record, where that is another installation."""

    answer: Answer
    by: str = ""


class Members:
    """The conditions are those of ``io/consul_members.py``. ``lives`` says whether a session does."""

    def __init__(self, world: World, lives: Callable[[str], bool]) -> None:
        self._world, self._lives = world, lives
        self.records = NO_RECORDS
        self._past: deque[tuple[int, Records]] = deque([(0, self.records)], maxlen=KEPT)
        self._locked_until: dict[str, int] = {}

    def read(self, stale_ms: int = 0) -> Records:
        """As they are, or as they were ``stale_ms`` ago."""
        then = self._world.now - stale_ms
        return next((records for since, records in reversed(self._past) if since <= then), self._past[0][1])

    def claim(self, name: str, session: str, member: Member) -> Taken:
        """lock; and where that is refused and the record is of the process before us: delete-cas, lock."""
        found = self.records.get(name)
        delayed = self._world.now < self._locked_until.get(name, 0)
        by_another = found is not None and found.record is not None and found.record.instance != member.instance
        if found is not None and by_another and (found.alive or delayed):
            return Taken(no("taken"), found.record.hostname if found.record else "unknown")
        if not self._lives(session):
            return Taken(no("invalid session"))
        if delayed:
            return Taken(no("due to lock delay"))
        self._set(name, MemberStatus(name, member, session))
        return Taken(YES)

    def publish(self, name: str, session: str, member: Member) -> None:
        """``kv put acquire=``: nothing where another session has the lock."""
        found = self.records.get(name)
        if found is not None and found.session == session:
            self._set(name, MemberStatus(name, member, session))

    def drop(self, name: str, session: str) -> None:
        """check-session, delete."""
        found = self.records.get(name)
        if found is not None and found.session == session:
            self._set(name, None)

    def session_ended(self, session: str, lock_delay: int) -> None:
        """What it has locked is free, after a delay."""
        for name, found in self.records.items():
            if found.session == session:
                self._locked_until[name] = self._world.now + lock_delay
                self._set(name, MemberStatus(name, found.record, None))

    def restore(self, records: Records) -> None:
        """As they were once."""
        self.records = records
        self._past.append((self._world.now, records))

    def _set(self, name: str, standing: MemberStatus | None) -> None:
        changed = {other: found for other, found in self.records.items() if other != name}
        if standing is not None:
            changed[name] = standing
        self.restore(MappingProxyType(changed))
