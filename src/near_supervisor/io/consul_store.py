"""What is asked of Consul about the lease and this node's session, beside member records and the cluster's values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from near_ha import consul_keys, lease_record
from near_ha.errors import BadRecord
from near_ha.record_key import RecordKey
from near_supervisor.core.answer import YES, Answer, Kind
from near_supervisor.core.watch import How, Seen

from .consul_access import ANYBODY, ConsulAccess
from .consul_agents import Denied, Operation, Refused, Unknown, encode, entry_of, index_of
from .consul_members import Members
from .consul_values import Values

__all__ = ["ConsulStore", "Denied", "Refused", "Unknown"]


class ConsulStore(Members, Values):
    """One thread's way to all that a supervisor keeps in Consul. Records are signed, and believed, by ``records``."""

    def __init__(
        self, urls: str, account_id: str, timeout_ms: int, records: RecordKey, access: ConsulAccess = ANYBODY
    ) -> None:
        super().__init__(urls, account_id, timeout_ms, access)
        self.records = records
        self._key = consul_keys.leader(account_id)
        self._kept_key = consul_keys.last_heartbeat(account_id)
        # ModifyIndex of the record as this store wrote it last; None when that is not known for certain.
        self._written: int | None = None

    # --- the lease

    def look(self, index: int, wait_ms: int) -> tuple[int, Seen]:
        """Read the lease once it differs from ``index``, or after ``wait_ms``; the index for the next call.

        With 0 looking begins, with the last heartbeat: a record that was put back looks like any other to a newcomer.
        """

        def ask(client: Any) -> tuple[int, Seen]:
            answered, entry = client.kv.get(self._key, index=index or None, wait=f"{wait_ms}ms")
            seen = self._seen(self._key, entry)
            return index_of(answered), self._with_kept(client, seen) if not index or seen.tells_nothing else seen

        return self._ask(ask)

    def _with_kept(self, client: Any, seen: Seen) -> Seen:
        """What the last heartbeat said. Read after the lease was seen, so no heartbeat is missed."""
        kept = self._seen(self._kept_key, client.kv.get(self._kept_key, consistency="consistent")[1])
        return replace(seen, kept=kept.record, kept_index=kept.index)

    def _seen(self, key: str, found: object) -> Seen:
        if found is None:
            return Seen(None)
        entry = entry_of(found)
        try:
            record = lease_record.parse(entry.value)
        except BadRecord:
            return Seen(entry.index, None, lease_record.holder_name(entry.value), entry.session)
        doubt = self.records.doubt(key, entry.value)
        if doubt:
            return Seen(entry.index, None, record.node_id, entry.session, claim=record, doubt=doubt)
        return Seen(entry.index, record, record.node_id, entry.session)

    def acquire(self, how: How, index: int | None, session: str, value: str) -> Answer:
        """Lock the lease for ``session`` under the condition that belongs to ``how``."""
        conditions: dict[How, list[Operation]] = {
            How.RELEASED: [{"Verb": "check-index", "Index": index}],
            # A delete-cas alone is no condition: it succeeds where there is no key at all.
            How.TAKEOVER: [{"Verb": "check-index", "Index": index}, {"Verb": "delete-cas", "Index": index}],
        }
        lock = {"Verb": "lock", "Session": session, "Value": self._signed(self._key, value)}
        return self._write_record([*conditions[how], lock])

    def note_vacancy(self, value: str, kept_index: int | None) -> Answer:
        """Write the record of a vacancy, if there is no record, and no heartbeat since the one at ``kept_index``."""
        kept = {"Verb": "check-not-exists"} if kept_index is None else {"Verb": "check-index", "Index": kept_index}
        unheard = {**kept, "Key": self._kept_key}
        write = {"Verb": "set", "Value": self._signed(self._key, value)}
        return self._change([{"Verb": "check-not-exists"}, unheard, write])

    def heartbeat(self, session: str, value: str) -> Answer:
        """Write the record, and once more where it is kept, if ``session`` still holds the lock.

        And if the record is still as this store wrote it last: a heartbeat that is carried out late, or twice, must
        not put an older height back. Where that is not known (an answer was lost), the record is read first.
        """
        try:
            index = self._written or self._ask(lambda client: self._seen(self._key, client.kv.get(self._key)[1])).index
        except (Refused, Unknown) as error:
            return Answer(Kind.UNKNOWN, str(error))
        keep = {"Verb": "set", "Key": self._kept_key, "Value": self._signed(self._kept_key, value)}
        write = {"Verb": "set", "Value": self._signed(self._key, value)}
        ours = [] if index is None else [{"Verb": "check-index", "Index": index}]
        holds = {"Verb": "check-session", "Session": session}
        return self._write_record([holds, *ours, keep, write])

    def _signed(self, key: str, value: str) -> str:
        return encode(self.records.sealed(key, value))

    def _write_record(self, operations: list[Operation]) -> Answer:
        """As ``_change``. That only the index is another one, while the lock is ours, says nothing about the lease."""
        self._written = None
        try:
            self._written = self._transact(operations)
        except Refused as refused:
            late = operations[0]["Verb"] == "check-session" and refused.failed == {1}
            return Answer(Kind.UNKNOWN if late else Kind.NO, str(refused))
        except Unknown as unknown:
            return Answer(Kind.UNKNOWN, str(unknown))
        return YES

    def release(self, session: str, value: str) -> Answer:
        """Write the last record and unlock in one step, if ``session`` still holds the lock."""
        unlock = {"Verb": "unlock", "Session": session, "Value": self._signed(self._key, value)}
        return self._change([{"Verb": "check-session", "Session": session}, unlock])

    # --- the session

    def create_session(self, name: str, ttl_ms: int, lock_delay_ms: int) -> str:
        """A session that only its TTL ends: no health check of the gossip layer is bound to it."""

        def ask(client: Any) -> str:
            session = client.session.create(
                name=name, ttl=-(-ttl_ms // 1000), lock_delay=-(-lock_delay_ms // 1000), behavior="release", checks=[]
            )
            if not isinstance(session, str) or not session:
                raise Unknown(f"Consul created the session {session!r}")
            return session

        return self._ask(ask)

    def renew_session(self, session: str) -> Answer:
        """Extend it by its TTL; *no* when Consul does not know it any more."""
        try:
            self._ask(lambda client: client.session.renew(session))
        except Refused as refused:
            if session in str(refused):
                return self._really_gone(session, str(refused))
            # A 404 that does not name the session is not Consul's: something else answers there.
            self._next_agent()
            return Answer(Kind.UNKNOWN, str(refused))
        except Unknown as unknown:
            return Answer(Kind.UNKNOWN, str(unknown))
        return YES

    def _really_gone(self, session: str, reason: str) -> Answer:
        """*No* only when a consistent read agrees.

        A server that was restarted and elected again has been seen to deny the renewal of sessions that are there.
        """
        try:
            known = self._ask(lambda client: client.session.info(session)[1])
        except (Refused, Unknown) as error:
            return Answer(Kind.UNKNOWN, str(error))
        return Answer(Kind.UNKNOWN, f"{reason}, though it is there") if known else Answer(Kind.NO, reason)

    def destroy_session(self, session: str) -> None:
        """End it; Unknown when that could not be asked."""
        self._ask(lambda client: client.session.destroy(session))

    def _transact(self, operations: list[Operation]) -> int:
        """What names no key is about the lease."""
        return super()._transact([{"Key": self._key, **operation} for operation in operations])
