"""A foreign candidate in the same cluster: kuutamod, as far as it meets us at the lease.

Its session has a TTL of 30 s and is renewed every 10 s; it takes the lock whenever Consul gives it, whatever
the record says; 25 s after its last renewal it steps back, and may take another 60 s to stop its neard.
"""

from __future__ import annotations

from near_supervisor.core.facts.answer import YES, Answer, Kind

from .consul import Consul
from .link import Link
from .neard import Neard, NeardHost
from .world import World

TTL_MS = 30_000
RENEW_MS = 10_000
STEP_BACK_MS = 25_000
LONGEST_STOP_MS = 60_000
TRY_MS = 1_000
LATEST_START_MS = 30_000


class Kuutamod:
    """One process with its neard. It is not judged by our height rule: it knows nothing of it."""

    def __init__(self, world: World, consul: Consul, node: NeardHost) -> None:
        self._world, self._consul, self._node = world, consul, node
        self.link = Link(world, consul, lambda: None)
        self._session = ""
        self._renewed_at = 0
        self._neard: Neard | None = None
        self._stopping = False
        self._pid = 0
        world.after(world.rng.randrange(LATEST_START_MS), self._tick)

    @property
    def signs(self) -> bool:
        """Is its neard armed and up?"""
        return self._neard is not None and self._neard.up

    def _tick(self) -> None:
        world = self._world
        if self._neard is None:
            self._stand_for_election()
        elif not self._stopping and world.now - self._renewed_at >= STEP_BACK_MS:
            self.stop()
        if self._session and world.now - self._renewed_at >= RENEW_MS:
            self._renew()
        world.after(TRY_MS, self._tick)

    def _stand_for_election(self) -> None:
        taken = False

        def ask() -> Answer:
            nonlocal taken
            if self._session not in self._consul.sessions:
                self._session = self._consul.create_session(TTL_MS, 0)
            taken = self._consul.acquire_as_kuutamod(self._session, "kuutamod")
            return YES

        def hear(answer: Answer) -> None:
            if answer.kind is Kind.YES and taken and self._neard is None:
                self._validate()

        self._renewed_at = self._world.now
        self.link.ask(ask, hear, TRY_MS)

    def _validate(self) -> None:
        self._pid += 1
        self._node.key_on_disk = True
        self._neard = neard = Neard(self._node, self._pid, "")
        self._world.note("kuutamod", f"neard {self._pid} starts ARMED")
        self._world.after(self._node.start_ms, neard.come_up)

    def _renew(self) -> None:
        asked_at, session = self._world.now, self._session

        def hear(answer: Answer) -> None:
            if answer.kind is Kind.YES:
                self._renewed_at = asked_at

        self.link.ask(lambda: self._consul.renew(session), hear, RENEW_MS)

    def stop(self) -> None:
        """Stop neard, however long that takes, and give the lock back after it."""
        neard = self._neard
        if neard is None or self._stopping:
            return
        self._stopping = True
        self._world.note("kuutamod", "steps back")

        def ended() -> None:
            self._node.key_on_disk = False
            neard.end()
            self._neard, self._stopping = None, False
            session, self._session = self._session, ""
            self.link.ask(lambda: self._consul.drop(session), lambda _: None, TRY_MS)

        self._world.after(self._world.between(200, LONGEST_STOP_MS), ended)
