"""The thread that asks Consul about the lease, one request after another, and what its store knows of the record.

It stands for the lease's worker of ``adapters/consul.py`` and for ``ConsulStore``'s ``heartbeat`` and ``release``: each
carries the index at which this node wrote the record last. Where an answer was lost, the record is read before that:
it has to be this node's own, in the key that this node has written.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from near_ha.records.lease_record import LeaseRecord
from near_supervisor.core import events as ev
from near_supervisor.core.facts.answer import YES, Answer, Kind
from near_supervisor.core.facts.lease_view import Seen

if TYPE_CHECKING:
    from .host import Host

HELD_UP = 0.01
LONGEST_HOLD_UP_MS = 3_000

Change = Callable[[int | None], Answer]


class Request(NamedTuple):
    """``change`` is told at what index this node wrote the record last, if it goes on top of that (``mine``).

    That is the session with which it holds the lock, and what it writes.
    """

    change: Change
    event: Callable[[Answer], ev.Event]
    mine: tuple[str, LeaseRecord] | None


class LeaseWorker:
    """Belongs to a supervisor: ``hear`` takes what it has to say, ``lives`` whether it still does."""

    def __init__(
        self, host: Host, lives: Callable[[], bool], hear: Callable[[ev.Event, Answer], None], timeout: int
    ) -> None:
        self._host, self._lives, self._hear, self._timeout = host, lives, hear, timeout
        self._waiting: deque[Request] = deque()
        self._busy = False
        self._written: int | None = None
        self._created: tuple[str, int] | None = None

    def submit(
        self, change: Change, event: Callable[[Answer], ev.Event], mine: tuple[str, LeaseRecord] | None = None
    ) -> None:
        """Queue a request."""
        self._waiting.append(Request(change, event, mine))
        if not self._busy:
            self._next()

    def _next(self) -> None:
        request = self._waiting.popleft()
        self._busy = True
        world = self._host.world
        if self._host.worker_is_held_up and world.random() < HELD_UP:
            world.after(world.between(0, LONGEST_HOLD_UP_MS), lambda: self._begin(request) if self._lives() else None)
        else:
            self._begin(request)

    def _begin(self, request: Request) -> None:
        if request.mine is not None and self._written is None:
            self._read_before(request, *request.mine)
        else:
            self._send(request)

    def _read_before(self, request: Request, session: str, record: LeaseRecord) -> None:
        consul, found = self._host.consul, 0

        def read() -> Answer:
            nonlocal found
            found = found or consul.seen.index or 0
            return YES if self._is_own(consul.seen, session, record) else Answer(Kind.NO, "the lock was another's")

        def heard(answer: Answer) -> None:
            if answer.kind is Kind.YES:
                self._written = found
                self._send(request)
            else:
                self._answered(request, answer, None)

        self._host.link.ask(read, heard, self._timeout)

    def _is_own(self, seen: Seen, session: str, record: LeaseRecord) -> bool:
        if seen.session != session:
            return True
        mine = record.term, record.node_id
        if seen.record is not None and (seen.record.term, seen.record.node_id) != mine:
            return False
        if self._created is not None and self._created[0] == session:
            return self._created[1] == self._host.consul.created
        kept = self._host.consul.with_kept(seen).kept or seen.record
        return kept is not None and (kept.term, kept.node_id) == mine

    def _send(self, request: Request) -> None:
        consul, stored = self._host.consul, 0
        written, self._written = self._written, None

        key = ("", 0)

        def change() -> Answer:
            nonlocal stored, key
            answer = request.change(written)
            # The one that is answered is the first one, should the request come twice.
            if not stored:
                stored, key = consul.index, (consul.seen.session or "", consul.created)
            return answer

        def answered(answer: Answer) -> None:
            if answer.kind is Kind.YES:
                self._created = key
            self._answered(request, answer, stored)

        self._host.link.ask(change, answered, self._timeout)

    def _answered(self, request: Request, answer: Answer, stored: int | None) -> None:
        self._written = stored if answer.kind is Kind.YES else None
        self._busy = False
        self._hear(request.event(answer), answer)
        if self._waiting and not self._busy and self._lives():
            self._next()
