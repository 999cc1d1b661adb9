"""Who else is there: member records, each locked with its node's session, and leases of other names."""

from __future__ import annotations

from near_ha.errors import BadRecord
from near_ha.keys.record_key import RecordKey
from near_ha.records import consul_keys, lease_record, member_record
from near_ha.records.cluster import MemberStatus
from near_ha.records.member_record import Member
from near_ha.records.wire import Entry
from near_supervisor.core.facts.answer import Kind
from near_supervisor.core.facts.other_locks import OtherLock

from .consul_agents import Agents, Refused, Unknown, encode, entry_of

# One that may be ours is enough to wait for, and each is shown.
MOST_OTHER_LOCKS = 5
# One that goes while it is claimed was our session's before: that is dropped on another thread.
CLAIMS = 3
MOST_SHOWN = 100


class Members(Agents):
    """Claims, publishes, drops and reads them. ``node_id`` is the member id: unique in the cluster.

    A record is signed for the session that locks it: put back after that session's end it counts for nothing.
    """

    records: RecordKey

    def claim_member(self, node_id: str, session: str, member: Member) -> MemberStatus | None:
        """Lock this node's record; None when that succeeded, else the record of who has it.

        A record that carries our own ``instance`` was left by the process before us and is replaced.
        """
        key = consul_keys.member(self.account_id, node_id)
        lock = {"Verb": "lock", "Key": key, "Session": session, "Value": encode(self._sealed(key, session, member))}
        for _number in range(CLAIMS):
            answer = self._change([lock])
            if answer.kind is Kind.YES:
                return None
            if answer.kind is Kind.UNKNOWN:
                raise Unknown(answer.reason)
            _index, other = self._read(key)
            if other is not None:
                break
        else:
            raise Refused(answer.reason)
        # Asked of the bytes: another version of ours may have written what this one cannot read.
        if member_record.instance_of(other.value) != member.instance:
            return self._standing(node_id, other)
        answer = self._change([{"Verb": "delete-cas", "Key": key, "Index": other.index}, lock])
        if answer.kind is Kind.YES:
            return None
        raise (Refused if answer.kind is Kind.NO else Unknown)(answer.reason)

    def drop_member(self, node_id: str, session: str) -> None:
        """Delete this node's record: a lock that its session's end breaks would delay the next claim."""
        key = consul_keys.member(self.account_id, node_id)
        self._change([{"Verb": "check-session", "Key": key, "Session": session}, {"Verb": "delete", "Key": key}])

    def publish_member(self, node_id: str, session: str, member: Member) -> None:
        """Write this node's record under its lock; Unknown when that failed."""
        key = consul_keys.member(self.account_id, node_id)
        self._ask(lambda client: client.kv.put(key, self._sealed(key, session, member), acquire=session))

    def publish_starting(self, node_id: str, session: str, member: Member) -> None:
        """Say that this node starts, under a lock of its own that is nobody's claim; Unknown when that failed."""
        key = consul_keys.starting_node(self.account_id, node_id, member.instance)
        self._ask(lambda client: client.kv.put(key, self._sealed(key, session, member), acquire=session))

    def members(self) -> tuple[MemberStatus, ...]:
        """Every member record, alive or not; Unknown when they could not be read."""
        prefix = consul_keys.members(self.account_id)
        found = self._ask(lambda client: client.kv.get(prefix, recurse=True)[1]) or []
        return tuple(self._standing(entry.key[len(prefix) :], entry) for entry in map(entry_of, found))

    def _sealed(self, key: str, session: str, member: Member) -> str:
        return self.records.sealed(_signed_for(key, session), member.to_json())

    def _standing(self, member_id: str, entry: Entry) -> MemberStatus:
        """The record counts as one that cannot be read where no member has signed it."""
        try:
            record = member_record.parse(entry.value)
        except BadRecord:
            return MemberStatus(member_id, None, entry.session)
        doubt = self.records.doubt(_signed_for(entry.key, entry.session or ""), entry.value)
        return MemberStatus(member_id, None if doubt else record, entry.session)

    def other_locks(self) -> tuple[OtherLock, ...]:
        """Leases of other names that are held now, some of them; Unknown when they could not be read.

        What this token may not read is left out.
        """
        mine = consul_keys.leader(self.account_id)
        found = self._ask(lambda client: client.kv.get(consul_keys.LEADERS, recurse=True)[1]) or []
        held = [entry for entry in map(entry_of, found) if entry.session is not None and entry.key != mine]
        return tuple(map(_other_lock, held[:MOST_OTHER_LOCKS]))


def _other_lock(entry: Entry) -> OtherLock:
    name = entry.key[len(consul_keys.LEADERS) :][:MOST_SHOWN]
    try:
        record = lease_record.parse(entry.value)
    except BadRecord:
        return OtherLock(name, lease_record.holder_name(entry.value))
    return OtherLock(name, record.node_id[:MOST_SHOWN], record.validator_public_key)


def _signed_for(key: str, session: str) -> str:
    # A node id has no blank.
    return f"{key} {session}"
