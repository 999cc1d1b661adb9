"""Consul with the member records in it, of which somebody has snapshots."""

from __future__ import annotations

import random
from collections import deque
from typing import NamedTuple

from near_ha.records.lease_record import LeaseRecord
from near_supervisor.core.facts.lease_view import Seen

from ..chain import Chain
from ..consul import Consul, Session
from ..world import World
from .members import Members, Records

KEPT = 60


class Snapshot(NamedTuple):
    """All that there was at one time."""

    at: int
    counted: int
    seen: Seen
    kept: LeaseRecord | None
    kept_index: int | None
    sessions: dict[str, tuple[int, int]]
    members: Records


class HarshConsul(Consul):
    """A snapshot is as old as the last sixty writes of the lease, or younger."""

    def __init__(self, world: World, chain: Chain) -> None:
        self._snapshots: deque[Snapshot] = deque(maxlen=KEPT)
        self.members = Members(world, lambda name: name in self.sessions)
        super().__init__(world, chain)

    def end_session(self, name: str) -> None:
        """Its member record is free, too, in whatever snapshot there is of that moment."""
        session = self.sessions.get(name)
        if session is not None:
            self.members.session_ended(name, session.lock_delay)
        super().end_session(name)

    def _set(self, seen: Seen) -> None:
        sessions = {name: (one.ttl, one.lock_delay) for name, one in self.sessions.items()}
        before = self.seen
        self._snapshots.append(
            Snapshot(self._world.now, self.index, before, self._kept, self._kept_index, sessions, self.members.records)
        )
        super()._set(seen)

    def restore(self, rng: random.Random, in_place: bool, below: int) -> int | None:
        """Put one of the snapshots back: into these servers, which go on counting, or into new ones, which do not.

        (Raft gives a snapshot that is restored in place an index above all that it has seen, and what is in it its old
        ones.) One whose lease has an index below ``below``. When it was taken; None when there is none.
        """
        older = [snapshot for snapshot in self._snapshots if (snapshot.seen.index or 0) < below]
        if not older:
            return None
        old = rng.choice(older)
        self._world.note("consul", f"is restored {'in place' if in_place else 'on new servers'}, from {old.seen}")
        self._kept, self._kept_index = old.kept, old.kept_index
        self.sessions = {name: Session(*what) for name, what in old.sessions.items()}
        for name in self.sessions:
            self._schedule_end(name)
        self._locked_until = 0
        self.members.restore(old.members)
        # Terms may begin anew from here.
        self.was_emptied = True
        super()._set(old.seen)
        self.index = self.index + 1 if in_place else max(old.seen.index or 0, old.kept_index or 0, old.counted - 1)
        self._snapshots.clear()
        return old.at
