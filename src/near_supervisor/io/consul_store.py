"""What is asked of Consul, through ``consul_client``: sessions, the five transactions of the lease, member records.

Every call ends in one of three answers. What the library makes of a broken server (any exception, any
shape) is *don't know*. *No* is only what Consul itself said: a refused condition (HTTP 409 with its reasons)
and a session that it does not find. *Yes* is only an answer that shows what was stored.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from near_ha import consul_keys, lease_record
from near_ha.errors import BadRecord
from near_supervisor.core.answer import YES, Answer, Kind
from near_supervisor.core.watch import How, Seen

from .consul_access import ANYBODY, ConsulAccess
from .consul_client import ClientError, NotFound, connect, describe, parse_urls

T = TypeVar("T")


class Unknown(Exception):
    """Consul could not be asked, or did not say."""


class Refused(Exception):
    """Consul said no: the condition of a transaction did not hold."""


@dataclass(frozen=True)
class MemberRecord:
    """What a node's member record says, with the session that keeps it alive (None = gone)."""

    node_id: str
    session: str | None
    value: dict[str, Any]
    index: int


class ConsulStore:
    """One thread's way to Consul: the next agent of the list is tried after each *don't know*."""

    def __init__(self, urls: str, account_id: str, timeout_ms: int, access: ConsulAccess = ANYBODY) -> None:
        self.account_id = account_id
        self._key = consul_keys.leader(account_id)
        self._kept_key = consul_keys.last_heartbeat(account_id)
        self._clients = [connect(*url, timeout_ms, access) for url in parse_urls(urls)]
        self._current = 0

    # --- the lease

    def look(self, index: int, wait_ms: int) -> tuple[int, Seen]:
        """Read the lease once it differs from ``index``, or after ``wait_ms``; the index for the next call."""

        def ask(client: Any) -> tuple[int, Seen]:
            answered, entry = client.kv.get(self._key, index=index or None, wait=f"{wait_ms}ms")
            return _index(answered), _seen(entry) if entry is not None else self._kept(client)

        return self._ask(ask)

    def _kept(self, client: Any) -> Seen:
        """There is no lease: what the last heartbeat said. Read after that was seen, so no heartbeat is missed."""
        kept = _seen(client.kv.get(self._kept_key, consistency="consistent")[1])
        return Seen(None, kept=kept.record, kept_index=kept.index)

    def acquire(self, how: How, index: int | None, session: str, value: str) -> Answer:
        """Lock the lease for ``session`` under the condition that belongs to ``how``."""
        conditions: dict[How, list[dict[str, Any]]] = {
            How.RELEASED: [{"Verb": "check-index", "Index": index}],
            # A delete-cas alone is no condition: it succeeds where there is no key at all.
            How.TAKEOVER: [{"Verb": "check-index", "Index": index}, {"Verb": "delete-cas", "Index": index}],
        }
        return self._change([*conditions[how], {"Verb": "lock", "Session": session, "Value": _encode(value)}])

    def note_vacancy(self, value: str, kept_index: int | None) -> Answer:
        """Write the record of a vacancy, if there is no record, and no heartbeat since the one at ``kept_index``."""
        kept = {"Verb": "check-not-exists"} if kept_index is None else {"Verb": "check-index", "Index": kept_index}
        unheard = {**kept, "Key": self._kept_key}
        return self._change([{"Verb": "check-not-exists"}, unheard, {"Verb": "set", "Value": _encode(value)}])

    def heartbeat(self, session: str, value: str) -> Answer:
        """Write the record, and once more where it is kept, if ``session`` still holds the lock."""
        write = {"Verb": "set", "Value": _encode(value)}
        return self._change([{"Verb": "check-session", "Session": session}, {**write, "Key": self._kept_key}, write])

    def release(self, session: str, value: str) -> Answer:
        """Write the last record and unlock in one step, if ``session`` still holds the lock."""
        unlock = {"Verb": "unlock", "Session": session, "Value": _encode(value)}
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

    # --- members

    def claim_member(self, node_id: str, session: str, value: dict[str, Any]) -> MemberRecord | None:
        """Lock this node's record; None when that succeeded, else the record of who has it.

        A record that carries our own ``instance`` was left by the process before us and is replaced.
        """
        key = consul_keys.member(self.account_id, node_id)
        lock = {"Verb": "lock", "Key": key, "Session": session, "Value": _encode(json.dumps(value))}
        answer = self._change([lock])
        if answer.kind is Kind.YES:
            return None
        if answer.kind is Kind.UNKNOWN:
            raise Unknown(answer.reason)
        other = self._ask(lambda client: _member(client.kv.get(key)[1]))
        if other is None:
            raise Unknown("the member record changed while it was claimed")
        if other.value.get("instance") != value["instance"]:
            return other
        answer = self._change([{"Verb": "delete-cas", "Key": key, "Index": other.index}, lock])
        if answer.kind is Kind.YES:
            return None
        raise (Refused if answer.kind is Kind.NO else Unknown)(answer.reason)

    def drop_member(self, node_id: str, session: str) -> None:
        """Delete this node's record: a lock that its session's end breaks would delay the next claim."""
        key = consul_keys.member(self.account_id, node_id)
        self._change([{"Verb": "check-session", "Key": key, "Session": session}, {"Verb": "delete", "Key": key}])

    def publish_member(self, node_id: str, session: str, value: dict[str, Any]) -> None:
        """Write this node's record under its lock; Unknown when that failed."""
        key = consul_keys.member(self.account_id, node_id)
        self._ask(lambda client: client.kv.put(key, json.dumps(value), acquire=session))

    def members(self) -> list[MemberRecord]:
        """Every member record, alive or not."""
        prefix = consul_keys.members(self.account_id)
        entries = self._ask(lambda client: client.kv.get(prefix, recurse=True)[1]) or []
        found = [_member(entry) for entry in entries] if isinstance(entries, list) else []
        return [member for member in found if member is not None]

    # --- how it is asked

    def _change(self, operations: list[dict[str, Any]]) -> Answer:
        payload = [{"KV": {"Key": self._key, **operation}} for operation in operations]
        try:
            self._ask(lambda client: _check_transaction(client.txn.put(payload), payload))
        except Refused as refused:
            return Answer(Kind.NO, str(refused))
        except Unknown as unknown:
            return Answer(Kind.UNKNOWN, str(unknown))
        return YES

    def _ask(self, question: Callable[[Any], T]) -> T:
        client = self._clients[self._current]
        try:
            return question(client)
        except Refused:
            raise
        except NotFound as error:
            raise Refused(f"not found: {error}") from None
        except ClientError as error:
            reasons = _reasons(str(error)[4:]) if str(error).startswith("409 ") else ""
            if reasons:
                raise Refused(reasons) from None
            self._next_agent()
            raise Unknown(f"{client.http.host}:{client.http.port} refuses the request: {describe(error)}") from None
        except Exception as error:
            # The library raises whatever a broken answer makes of it: KeyError, TypeError, socket errors.
            self._next_agent()
            raise Unknown(f"{client.http.host}:{client.http.port}: {describe(error)}") from None

    def _next_agent(self) -> None:
        self._current = (self._current + 1) % len(self._clients)


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _reasons(body: str) -> str:
    """Consul's own words about the operations that failed; "" when it is not about their conditions."""
    try:
        reasons = [str(error["What"]) for error in json.loads(body)["Errors"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    # A token that lost its rights says nothing about who holds the lease.
    if any("permission denied" in reason.lower() for reason in reasons):
        return ""
    return "; ".join(reasons)[:300]


def _check_transaction(answer: object, payload: list[dict[str, dict[str, Any]]]) -> None:
    """A 200 is only a yes when it shows our key, and our lock on it, as the last operation left them."""
    last = payload[-1]["KV"]
    locks = last["Verb"] in ("set", "lock")
    session = next((operation["KV"]["Session"] for operation in payload if "Session" in operation["KV"]), None)
    if isinstance(answer, dict) and not answer.get("Errors") and answer.get("Results"):
        stored = answer["Results"][-1]["KV"]
        if stored["Key"] == last["Key"] and (not locks or stored.get("Session") == session):
            return
    raise Unknown(f"Consul answered a transaction of {len(payload)} operations with {str(answer)[:100]}")


def _index(text: object) -> int:
    number = int(str(text))
    if number <= 0:
        raise Unknown(f"Consul gave index {number}")
    return number


def _seen(entry: object) -> Seen:
    if entry is None:
        return Seen(None)
    if not isinstance(entry, dict):
        raise Unknown("the lease's entry is not an object")
    index, session, raw = entry["ModifyIndex"], entry.get("Session"), entry.get("Value") or b""
    if not isinstance(index, int) or not isinstance(raw, bytes) or not isinstance(session, (str, type(None))):
        raise Unknown("the lease's entry has an unexpected shape")
    try:
        record = lease_record.parse(raw)
    except BadRecord:
        return Seen(index, None, lease_record.holder_name(raw), session or None)
    return Seen(index, record, record.node_id, session or None)


def _member(entry: object) -> MemberRecord | None:
    """A member record; one that cannot be read is a member that is not ready."""
    if not isinstance(entry, dict) or not isinstance(entry.get("Key"), str):
        return None
    try:
        value = json.loads(entry.get("Value") or b"{}")
    except (ValueError, RecursionError):
        value = {}
    name = entry["Key"].rpartition("/")[2]
    index = entry.get("ModifyIndex")
    return MemberRecord(
        name, entry.get("Session"), value if isinstance(value, dict) else {}, index if isinstance(index, int) else 0
    )
