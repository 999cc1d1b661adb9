"""Says to the others that this node starts, and what it waits for, as long as it is no member.

Under a session and a key of its own: no rule looks at it, so that whoever starts can neither be asked for anything nor
keep anybody waiting. It is best effort. What ends it is the end of its session, at the latest.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from near_ha.records.member_record import Member
from near_supervisor.core import commands as cmd
from near_supervisor.core.conditions.readiness import names, unready
from near_supervisor.core.facts import lease
from near_supervisor.core.facts.answer import Kind
from near_supervisor.core.facts.model import Node

from ..commandline.options import Options
from ..io.consul_store import ConsulStore, Refused, Unknown
from ..io.worker import Worker

# A member that only lost its session is one again by then.
BEGINS_MS = 1_000
AGAIN_MS = 3_000
ASK_MS = 2_000
LAST_ASK_MS = 1_000


class StartingAdapter:
    """Keeps the record of a node that starts; ``member`` makes records of this node."""

    def __init__(self, options: Options, member_id: str, member: Callable[[cmd.PublishMember], Member]) -> None:
        self._options, self._member_id, self._member = options, member_id, member
        self._store, self._worker = self._new_store(ASK_MS), Worker("starting")
        self._session, self._asking = "", False
        self._since: int | None = None
        self._said, self._say_at = "", 0

    def _new_store(self, timeout_ms: int) -> ConsulStore:
        options = self._options
        return ConsulStore(
            options.consul_url, options.account_id, timeout_ms, options.record_key, options.consul_access
        )

    def turn(self, now: int, node: Node) -> None:
        """Say it again when it is time, or when it reads otherwise; say it no more where the node is a member."""
        if node.session is not None or node.closing is not None:
            self._since, self._said = None, ""
            if self._session and not self._asking:
                self._submit(lambda: self._end(self._store))
            return
        self._since = now if self._since is None else self._since
        text = unready(node)
        if self._asking or now < self._since + BEGINS_MS or (now < self._say_at and text == self._said):
            return
        self._said, self._say_at = text, now + AGAIN_MS
        news = cmd.PublishMember("", node.state.value, False, text, node.sync.height, names(node))
        self._submit(lambda: self._say(self._member(news)))

    def close(self) -> None:
        """The supervisor goes; nothing is waited for that is under way."""
        if self._session and not self._asking:
            self._end(self._new_store(LAST_ASK_MS))

    def _submit(self, work: Callable[[], None]) -> None:
        self._asking = True

        def done() -> None:
            self._asking = False

        def whole() -> None:
            with contextlib.suppress(Unknown, Refused):
                work()
            done()

        self._worker.submit(whole, done)

    # --- on the worker

    def _say(self, member: Member) -> None:
        if self._session and self._store.renew_session(self._session).kind is Kind.NO:
            self._session = ""
        if not self._session:
            options = self._options
            ttl_ms = lease.session_ttl_ms(options.lease_ms)
            self._session = self._store.create_session(options.node_id, ttl_ms, 0, "delete")
        self._store.publish_starting(self._member_id, self._session, member)

    def _end(self, store: ConsulStore) -> None:
        """Its end deletes the record, too."""
        session, self._session = self._session, ""
        with contextlib.suppress(Unknown, Refused):
            store.destroy_session(session)
