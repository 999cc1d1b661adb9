"""What is asked of Consul about the lease and this node's session, beside member records and the cluster's values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from near_ha.errors import BadRecord
from near_ha.keys.record_key import RecordKey
from near_ha.records import consul_keys, key_record, lease_record, wire
from near_ha.records.lease_record import LeaseRecord
from near_supervisor.core.facts.answer import YES, Answer, Kind
from near_supervisor.core.facts.key_lock import KeySeen
from near_supervisor.core.facts.lease_view import How, Seen

from .consul_access import ANYBODY, ConsulAccess
from .consul_agents import Denied, Operation, Refused, Stored, Unknown, encode, entry_of, index_of
from .consul_members import Members
from .consul_values import Values

__all__ = ["ConsulStore", "Denied", "Refused", "Unknown"]


class KeyTaken(Exception):
    """The lock of the validator key is another account id's."""


class NotOurs(Exception):
    """What the lease's record says is not what this node wrote."""


# What says only that something has moved on.
_INDEXES = ("check-index", "check-not-exists", "delete-cas")


class ConsulStore(Members, Values):
    """One thread's way to all that a supervisor keeps in Consul. Records are signed, and believed, by ``records``.

    ``key_lock`` names the lock of the validator key ("" = the account has one key, without a name).
    """

    def __init__(
        self,
        urls: str,
        account_id: str,
        timeout_ms: int,
        records: RecordKey,
        access: ConsulAccess = ANYBODY,
        *,
        key_lock: str = "",
    ) -> None:
        super().__init__(urls, account_id, timeout_ms, access)
        self.records = records
        self._key = consul_keys.leader(account_id)
        self._kept_key = consul_keys.last_heartbeat(account_id)
        self._key_lock = key_lock or consul_keys.validator_key(account_id, "unnamed")
        # ModifyIndex of the record, and of the lock of the key, as this store wrote them last; None when that is not
        # known for certain.
        self._written: int | None = None
        self._key_written: int | None = None
        # The session that this process has written with last, and which key it was.
        self._created: tuple[str, object] | None = None
        # The newest verified record that was read.
        self._newest: LeaseRecord | None = None

    # --- the lease

    def look(self, index: int, wait_ms: int) -> tuple[int, Seen]:
        """Read the lease once it differs from ``index``, or after ``wait_ms``; the index for the next call.

        With 0 looking begins, with the last heartbeat: a record that was put back looks like any other to a newcomer.
        With one that is older than what was read here, too: whoever is hidden behind it has said how long it holds.
        """

        def ask(client: Any) -> tuple[int, Seen]:
            answered, entry = client.kv.get(self._key, index=index or None, wait=f"{wait_ms}ms")
            seen = self._seen(self._key, entry)
            is_news = self._is_news(seen.record)
            if not index or seen.tells_nothing or not is_news:
                seen = self._with_kept(client, seen)
                self._is_news(seen.kept)
            return index_of(answered), seen

        answered, seen = self._ask(ask)
        # After the lease: nobody who has taken that is missed here.
        return answered, replace(seen, key=self._look_at_key_lock())

    def _is_news(self, record: LeaseRecord | None) -> bool:
        """Whether nothing that was read before is newer than this record, by its term, and by its number in that."""
        newest = self._newest
        if record is None:
            return True
        if newest is not None and (
            record.term < newest.term or (lease_record.one_leadership(record, newest) and record.seq < newest.seq)
        ):
            return False
        self._newest = record
        return True

    def _look_at_key_lock(self) -> KeySeen:
        try:
            found = self._read(self._key_lock)[1]
        except Denied as denied:
            return KeySeen(problem=str(denied))
        if found is None:
            return KeySeen()
        try:
            record = key_record.parse(found.value)
        except BadRecord as error:
            return KeySeen(found.index, session=found.session, doubt=f"cannot be read: {error}")
        doubt = self.records.doubt(self._key_lock, found.value)
        if doubt:
            return KeySeen(found.index, record.account_id, None, found.session, claim=record.lease, doubt=doubt)
        return KeySeen(found.index, record.account_id, record.lease, found.session)

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

    def acquire(self, how: How, index: int | None, session: str, value: str, key_index: int | None = None) -> Answer:
        """Lock the lease for ``session`` under the condition that belongs to ``how``, and the validator key's lock.

        That one, too, only if it is as it was read, at ``key_index`` (None = there was none). The record is kept as
        a heartbeat's is: who begins to look now must not take a release before it for the latest.
        """
        conditions: dict[How, list[Operation]] = {
            How.RELEASED: [{"Verb": "check-index", "Index": index}],
            # A delete-cas alone is no condition: it succeeds where there is no key at all.
            How.TAKEOVER: [{"Verb": "check-index", "Index": index}, {"Verb": "delete-cas", "Index": index}],
        }
        lock = {"Verb": "lock", "Session": session, "Value": self._signed(self._key, value)}
        return self._write_record(
            [*conditions[how], *self._take_key(key_index, session, value), self._keep(value), lock]
        )

    def _take_key(self, index: int | None, session: str, value: str) -> list[Operation]:
        """Lock it for ``session``, whoever has locked it, if it still is at ``index``."""
        there: list[Operation] = [{"Verb": "check-index", "Index": index}, {"Verb": "delete-cas", "Index": index}]
        conditions = [{"Verb": "check-not-exists"}] if index is None else there
        return self._of_key([*conditions, self._key_write("lock", session, value)])

    def _keep_key(self, index: int, session: str, value: str) -> list[Operation]:
        """Write it once more, if it is as this node wrote it last."""
        return self._of_key([{"Verb": "check-index", "Index": index}, self._key_write("lock", session, value)])

    def _key_write(self, verb: str, session: str, value: str) -> Operation:
        record = key_record.to_json(self.account_id, value)
        return {"Verb": verb, "Session": session, "Value": self._signed(self._key_lock, record)}

    def _of_key(self, operations: list[Operation]) -> list[Operation]:
        return [{**operation, "Key": self._key_lock} for operation in operations]

    def note_vacancy(self, value: str, kept_index: int | None) -> Answer:
        """Write the record of a vacancy, if there is no record, and no heartbeat since the one at ``kept_index``."""
        kept = {"Verb": "check-not-exists"} if kept_index is None else {"Verb": "check-index", "Index": kept_index}
        unheard = {**kept, "Key": self._kept_key}
        write = {"Verb": "set", "Value": self._signed(self._key, value)}
        return self._change([{"Verb": "check-not-exists"}, unheard, write])

    def heartbeat(self, session: str, value: str) -> Answer:
        """Write the record, and once more where it is kept, if ``session`` still holds both locks.

        And if the record is still as this store wrote it last: a heartbeat that is carried out late, or twice, must
        not put an older height back. Where that is not known (an answer was lost), the record is read first, and has
        to be this node's own.
        """
        try:
            index = self._written or self._own_index(session, value)
            key = self._claim_key(session, value)
        except (KeyTaken, NotOurs) as taken:
            return Answer(Kind.NO, str(taken))
        except (Refused, Unknown) as error:
            return Answer(Kind.UNKNOWN, str(error))
        write = {"Verb": "set", "Value": self._signed(self._key, value)}
        holds = {"Verb": "check-session", "Session": session}
        return self._write_record([holds, *_if_at(index), self._keep(value), *key, write])

    def _keep(self, value: str) -> Operation:
        return {"Verb": "set", "Key": self._kept_key, "Value": self._signed(self._kept_key, value)}

    def _claim_key(self, session: str, value: str) -> list[Operation]:
        """A holder's way to the lock of the key; KeyTaken where that is another's, or no member says whose.

        The version before knew of none: then it is not there, or as this account has left it.
        """
        if self._key_written is not None:
            return self._keep_key(self._key_written, session, value)
        seen = self._look_at_key_lock()
        if seen.problem:
            raise Unknown(seen.problem)
        if seen.index is not None and seen.session == session:
            return self._keep_key(seen.index, session, value)
        if seen.doubt:
            raise KeyTaken(f"the lock of this validator key, {self._key_lock}, is not ours any more, and {seen.doubt}")
        if seen.index is not None and seen.account_id != self.account_id:
            raise KeyTaken(f"account id {seen.account_id} has the lock of this validator key, {self._key_lock}")
        return self._take_key(seen.index, session, value)

    def _signed(self, key: str, value: str) -> str:
        return encode(self.records.sealed(key, value))

    def _write_record(self, operations: list[Operation]) -> Answer:
        """As ``_change``. That only an index is another one, while the lock is ours, says nothing about the lease."""
        self._written = self._key_written = None
        try:
            stored = self._transact(operations)
            record, key = stored.get(self._key), stored.get(self._key_lock)
            self._written, self._key_written = record.index if record else None, key.index if key else None
            session = next((str(one["Session"]) for one in operations if "Session" in one), "")
            self._created = (session, record.created) if record else None
        except Refused as refused:
            holds = operations[0]["Verb"] == "check-session"
            late = holds and bool(refused.failed) and all(_is_index(operations, number) for number in refused.failed)
            return Answer(Kind.UNKNOWN if late else Kind.NO, str(refused))
        except Unknown as unknown:
            return Answer(Kind.UNKNOWN, str(unknown))
        return YES

    def release(self, session: str, value: str) -> Answer:
        """Write the last record and unlock both in one step, if ``session`` still holds the lock of the lease.

        And if the record is still this node's own of this term: whoever may write to Consul can put another one back
        under this session, and a release on top of that would be signed, and newer than the lease of somebody else.
        The lock of the key may not be ours: a signer of the version before has taken the lease alone.
        """
        known, written = self._key_written is not None, self._written
        self._written = self._key_written = None
        key: list[Operation] = []
        try:
            index = written or self._own_index(session, value)
            if known or self._look_at_key_lock().session == session:
                key = self._of_key([self._key_write("unlock", session, value)])
            unlock = {"Verb": "unlock", "Session": session, "Value": self._signed(self._key, value)}
            self._transact([{"Verb": "check-session", "Session": session}, *_if_at(index), *key, unlock])
        except NotOurs as other:
            return Answer(Kind.NO, str(other))
        except Refused as refused:
            # The record is another one, or somebody has deleted the key's lock: they are looked at the next time.
            later = {1, 2} if key else {1}
            return Answer(Kind.UNKNOWN if refused.failed and refused.failed <= later else Kind.NO, str(refused))
        except Unknown as unknown:
            return Answer(Kind.UNKNOWN, str(unknown))
        return YES

    def _own_index(self, session: str, value: str) -> int | None:
        """Where the record of this node is, whose answer was lost; None where ``session`` does not hold its lock.

        (The transaction says so.) Whoever may write to Consul can lock a record again under any session. NotOurs where
        it is a signed one of another node or term, or where the key is another one than this process has written:
        every takeover makes it anew. A process that has written none yet knows the last heartbeat instead.
        """
        found = self._ask(lambda client: client.kv.get(self._key, consistency="consistent")[1])
        seen, mine = self._seen(self._key, found), lease_record.parse(value.encode())
        if seen.session != session:
            return None
        ours = seen.record is None or lease_record.one_leadership(seen.record, mine)
        if self._created is not None and self._created[0] == session:
            ours = ours and self._created[1] == found["CreateIndex"]
        else:
            kept = self._ask(lambda client: self._with_kept(client, seen)).kept or seen.record
            ours = ours and kept is not None and lease_record.one_leadership(kept, mine)
        if not ours:
            whose = f", with a record of {wire.shown(seen.holder)}" if seen.holder else ""
            raise NotOurs(f"somebody has put the lock back under the session of this node{whose}")
        return seen.index

    # --- the session

    def create_session(self, name: str, ttl_ms: int, lock_delay_ms: int, behavior: str = "release") -> str:
        """A session that only its TTL ends: no health check of the gossip layer is bound to it.

        Its end frees what it has locked, or deletes that (``behavior``).
        """

        def ask(client: Any) -> str:
            session = client.session.create(
                name=name, ttl=-(-ttl_ms // 1000), lock_delay=-(-lock_delay_ms // 1000), behavior=behavior, checks=[]
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

    def _transact(self, operations: list[Operation]) -> dict[str, Stored]:
        """What names no key is about the lease."""
        return super()._transact([{"Key": self._key, **operation} for operation in operations])


def _if_at(index: int | None) -> list[Operation]:
    return [] if index is None else [{"Verb": "check-index", "Index": index}]


def _is_index(operations: list[Operation], number: int) -> bool:
    return number < len(operations) and operations[number]["Verb"] in _INDEXES
