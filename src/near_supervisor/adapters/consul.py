"""The driver's half towards Consul: four workers, so that nothing slow ever holds up a heartbeat.

One worker for the lease (heartbeat, acquire, release), one for the session, one for the member records, and a thread
that keeps reading the lease while somebody else may hold it. Member records are written and read often: a Consul that
takes a third of the lease for each answer would have no turn left for the session (found by bin/simulate).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import asdict

from near_ha.records import consul_keys
from near_ha.records.member_record import Member
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.facts import lease
from near_supervisor.core.facts.answer import Answer, Kind
from near_supervisor.core.facts.lease import request_timeout_ms, session_request_timeout_ms
from near_supervisor.core.facts.other_locks import OtherLock
from near_supervisor.core.facts.values import assert_never

from .. import __version__
from ..commandline.options import Options
from ..io import clock
from ..io.consul_store import ConsulStore, Refused, Unknown
from ..io.worker import Worker

DEREGISTER_TIMEOUT_MS = 1_000
LOOK_GAP_MS = 20
LOOK_RETRY_MS = 300


class ConsulAdapter:
    """Turns commands about Consul into requests, and their answers into events."""

    def __init__(
        self,
        options: Options,
        member_id: str,
        instance: str,
        post: Callable[[ev.Event], None],
        neard_version: Callable[[], str],
    ) -> None:
        self._options, self._member_id, self._instance, self._post = options, member_id, instance, post
        self._neard_version = neard_version
        self._urgent = self._store(request_timeout_ms(options.lease_ms))
        # Each worker has a connection of its own.
        patient_ms = session_request_timeout_ms(options.lease_ms)
        self._slow, self._records = self._store(patient_ms), self._store(patient_ms)
        self._lease_worker, self._slow_worker, self._member_worker = (
            Worker("lease"),
            Worker("session"),
            Worker("members"),
        )
        self._newest: cmd.PublishMember | None = None
        self._looking = threading.Event()
        self._looking.set()

    def _store(self, timeout_ms: int) -> ConsulStore:
        options = self._options
        key_lock = consul_keys.validator_key(options.validator_account_id, options.validator_public_key)
        return ConsulStore(
            options.consul_url,
            options.account_id,
            timeout_ms,
            options.record_key,
            options.consul_access,
            key_lock=key_lock,
        )

    def watch(self) -> None:
        """Begin to read the lease."""
        threading.Thread(target=self._watch, name="watch", daemon=True).start()

    def holding(self, holds: bool) -> None:
        """As holder this node hears from its own heartbeats; the reading rests."""
        if holds:
            self._looking.clear()
        else:
            self._looking.set()

    def carry_out(self, command: cmd.LeaseCommand | cmd.MemberCommand) -> None:
        """Queue the request that belongs to ``command``."""
        urgent = self._urgent
        match command:
            case cmd.MarkMissing(record, kept_index):
                vacancy = record.to_json()
                self._about_lease(lambda: urgent.note_vacancy(vacancy, kept_index), ev.MissingMarked)
            case cmd.Acquire(how, index, session, record, key_index):
                first = record.to_json()
                self._about_lease(lambda: urgent.acquire(how, index, session, first, key_index), ev.AcquireAnswered)
            case cmd.Heartbeat(at, session, record):
                beat, term = record.to_json(), record.term
                self._about_lease(
                    lambda: urgent.heartbeat(session, beat), lambda answer: ev.HeartbeatAnswered(term, at, answer)
                )
            case cmd.Release(session, record):
                last = record.to_json()
                self._about_lease(lambda: urgent.release(session, last), ev.ReleaseAnswered)
            case _:
                self._carry_out_slowly(command)

    def _about_lease(self, ask: Callable[[], Answer], event: Callable[[Answer], ev.Event]) -> None:
        broken = Answer(Kind.UNKNOWN, "internal error")
        self._lease_worker.submit(lambda: self._post(event(ask())), lambda: self._post(event(broken)))

    def _carry_out_slowly(self, command: cmd.MemberCommand) -> None:
        match command:
            case cmd.Register():
                self._slow_worker.submit(self._register, lambda: self._post(ev.RegisterFailed("internal error")))
            case cmd.RenewSession(session):
                broken = ev.SessionRenewed(session, clock.boot_ms(), Answer(Kind.UNKNOWN, "internal error"))
                self._slow_worker.submit(lambda: self._renew(session), lambda: self._post(broken))
            case cmd.DropSession(session):
                # After what is still to be written with it: a record that came later would keep the next claim waiting.
                self._about_members(lambda: self._drop(self._records, session), ev.Tick())
            case cmd.PublishMember():
                self._newest = command
                self._about_members(lambda: self._publish(command), ev.Tick())
            case cmd.ReadMembers():
                self._about_members(self._read_members, ev.MembersSeen(clock.boot_ms(), None))
            case _:
                assert_never(command)

    def _about_members(self, work: Callable[[], None], otherwise: ev.Event) -> None:
        self._member_worker.submit(work, lambda: self._post(otherwise))

    def deregister(self, session: str) -> None:
        """Take the member record and the session away; best effort, a session ends by its TTL in any case."""
        self._drop(self._store(DEREGISTER_TIMEOUT_MS), session)

    def _drop(self, store: ConsulStore, session: str) -> None:
        with contextlib.suppress(Unknown, Refused):
            store.drop_member(self._member_id, session)
            store.destroy_session(session)

    # --- on the workers

    def _watch(self) -> None:
        wait_ms = lease.look_ms(self._options.lease_ms)
        # Consul adds up to a sixteenth to the wait, so that not all wake at once; and may be as slow as with all else.
        store = self._store(wait_ms * 17 // 16 + max(1_000, request_timeout_ms(self._options.lease_ms)))
        index = 0
        while True:
            if not self._looking.is_set():
                self._looking.wait()
                index = 0
            try:
                answered, seen = store.look(index, wait_ms)
            except (Unknown, Refused) as error:
                self._post(ev.LeaseReadFailed(str(error)))
                index = 0
                clock.sleep_ms(LOOK_RETRY_MS)
                continue
            # An index that goes back is Consul's way to say that its history was replaced.
            index = answered if answered >= index else 0
            self._post(ev.LeaseSeen(seen))
            clock.sleep_ms(LOOK_GAP_MS)

    def _register(self) -> None:
        sent_at = clock.boot_ms()
        try:
            ttl = lease.session_ttl_ms(self._options.lease_ms)
            session = self._slow.create_session(self._options.node_id, ttl, self._options.lease_ms)
        except (Unknown, Refused) as error:
            self._post(ev.RegisterFailed(str(error)))
            return
        outcome = self._claim(session, sent_at)
        if not isinstance(outcome, ev.Registered):
            with contextlib.suppress(Unknown, Refused):
                self._slow.destroy_session(session)
        self._post(outcome)

    def _claim(self, session: str, sent_at: int) -> ev.Registered | ev.NodeIdTaken | ev.RegisterFailed:
        member = self.member(cmd.PublishMember(session, "Registering", False, "is Registering", 0))
        try:
            other = self._slow.claim_member(self._member_id, session, member)
        except (Unknown, Refused) as error:
            return ev.RegisterFailed(str(error), refused=isinstance(error, Refused))
        if other is None:
            return ev.Registered(session, sent_at)
        hostname = other.record.hostname if other.record else "unknown"
        return ev.NodeIdTaken(f"host {hostname!r} (session {other.session})")

    def _renew(self, session: str) -> None:
        sent_at = clock.boot_ms()
        self._post(ev.SessionRenewed(session, sent_at, self._slow.renew_session(session)))

    def _publish(self, news: cmd.PublishMember) -> None:
        if news is not self._newest:
            # There is a newer one behind it.
            return
        member = self.member(news)
        # Written again in a moment, whatever happens to this one.
        with contextlib.suppress(Unknown, Refused):
            self._records.publish_member(self._member_id, news.session, member)

    def member(self, news: cmd.PublishMember) -> Member:
        """The record that says ``news`` of this node."""
        options = self._options
        return Member(
            node_id=options.node_id,
            hostname=options.hostname,
            instance=self._instance,
            state=news.state,
            ready=news.ready,
            reason=news.reason,
            height=news.height,
            lease_ms=options.lease_ms,
            validator_public_key=options.validator_public_key,
            priority=options.failover_priority,
            version=__version__,
            neard_version=self._neard_version(),
            reasons=news.reasons,
            node_public_key=options.node_public_key,
            **asdict(news.reply),
        )

    def _read_members(self) -> None:
        asked_at = clock.boot_ms()
        try:
            members = self._records.members()
        except (Unknown, Refused):
            self._post(ev.MembersSeen(asked_at, None))
            return
        others = tuple(member for member in members if member.member_id != self._member_id)
        self._post(ev.MembersSeen(asked_at, others, self._other_locks()))

    def _other_locks(self) -> tuple[OtherLock, ...] | None:
        with contextlib.suppress(Unknown, Refused):
            return self._records.other_locks()
        return None
