"""How Consul's agents are asked: one after the other, each answer checked and read as yes, no or *don't know*.

What the library makes of a broken server (any exception, any shape) is *don't know*. *No* is only what Consul
itself said: a refused condition (HTTP 409 with its reasons) and a thing that it does not find. *Yes* is only an
answer that shows what was stored.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, TypeVar

from near_ha.records.wire import Entry
from near_supervisor.core.facts.answer import YES, Answer, Kind

from .consul_access import ANYBODY, ConsulAccess
from .consul_client import ClientError, NotFound, PermissionDenied, connect, describe, parse_urls

T = TypeVar("T")
Operation = dict[str, Any]


class Unknown(Exception):
    """Consul could not be asked, or did not say."""


class Denied(Unknown):
    """Consul does not let this token do that: nothing is known, and asking again does not help."""


class Refused(Exception):
    """Consul said no. Of a transaction: ``failed`` are the numbers of the operations whose condition did not hold."""

    def __init__(self, reason: str, failed: Collection[int] = ()) -> None:
        super().__init__(reason)
        self.failed = set(failed)


@dataclass(frozen=True)
class Stored:
    """A key after a transaction: its ModifyIndex, and its CreateIndex, which is another one after each takeover."""

    index: int
    created: object


class Agents:
    """One thread's way to Consul: the next agent of the list is tried after each *don't know*."""

    def __init__(self, urls: str, account_id: str, timeout_ms: int, access: ConsulAccess = ANYBODY) -> None:
        self.account_id = account_id
        self._clients = [connect(*url, timeout_ms, access) for url in parse_urls(urls)]
        self._current = 0

    @property
    def count(self) -> int:
        """How many agents there are to try."""
        return len(self._clients)

    # --- for the kinds of keys that are asked about

    def _change(self, operations: list[Operation]) -> Answer:
        """Did this transaction happen? Each operation names its key."""
        try:
            self._transact(operations)
        except Refused as refused:
            return Answer(Kind.NO, str(refused))
        except Unknown as unknown:
            return Answer(Kind.UNKNOWN, str(unknown))
        return YES

    def _transact(self, operations: list[Operation]) -> dict[str, Stored]:
        """What each key is that was stored; Refused or Unknown."""
        payload = [{"KV": operation} for operation in operations]
        return self._ask(lambda client: _check_transaction(client.txn.put(payload), operations))

    def _read(self, key: str, **how: Any) -> tuple[int, Entry | None]:
        """The index of the answer and the entry, None when there is no key; Unknown when Consul does not say."""

        def ask(client: Any) -> tuple[int, Entry | None]:
            answered, found = client.kv.get(key, **how)
            return index_of(answered), None if found is None else entry_of(found)

        try:
            return self._ask(ask)
        except Refused as refused:
            # A read has no condition that Consul could refuse: something else answers there.
            raise Unknown(str(refused)) from None

    def _ask(self, question: Callable[[Any], T]) -> T:
        client = self._clients[self._current]
        try:
            return question(client)
        except Refused:
            raise
        except NotFound as error:
            raise Refused(f"not found: {error}") from None
        except ClientError as error:
            reasons = _reasons(str(error)[4:]) if str(error).startswith("409 ") else {}
            if reasons and not _denied(reasons):
                raise Refused("; ".join(reasons.values())[:300], reasons) from None
            self._next_agent()
            text = f"{client.http.host}:{client.http.port} refuses the request: {describe(error)}"
            raise (Denied if _denied(reasons) else Unknown)(text) from None
        except Exception as error:
            # The library raises whatever a broken answer makes of it: KeyError, TypeError, socket errors.
            self._next_agent()
            text = f"{client.http.host}:{client.http.port}: {describe(error)}"
            raise (Denied if isinstance(error, PermissionDenied) else Unknown)(text) from None

    def _next_agent(self) -> None:
        self._current = (self._current + 1) % len(self._clients)


def encode(text: str) -> str:
    """A value as a transaction wants it."""
    return base64.b64encode(text.encode()).decode()


def index_of(text: object) -> int:
    """The index of an answer, for the next blocking query; Unknown when it is none."""
    number = int(str(text))
    if number <= 0:
        raise Unknown(f"Consul gave index {number}")
    return number


def entry_of(found: object) -> Entry:
    """A stored entry as the library hands it over; Unknown when it is none."""
    if not isinstance(found, dict):
        raise Unknown("Consul's entry of a key is not an object")
    # A value that is null is an empty one, and no lock is no "Session" at all.
    key, raw, session = found["Key"], found.get("Value") or b"", found.get("Session")
    index = found["ModifyIndex"]
    shapes = (isinstance(key, str), isinstance(index, int), isinstance(raw, bytes), isinstance(session, str | None))
    if not all(shapes):
        raise Unknown("Consul's entry of a key has an unexpected shape")
    return Entry(key, raw, index, session or None)


def _reasons(body: str) -> dict[int, str]:
    """Consul's own words about each operation that failed; none when it is not about their conditions."""
    try:
        return {int(error["OpIndex"]): str(error["What"]) for error in json.loads(body)["Errors"]}
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}


def _denied(reasons: dict[int, str]) -> bool:
    """A token that lost its rights says nothing about who holds the lease."""
    return any("permission denied" in reason.lower() for reason in reasons.values())


def _check_transaction(answer: object, operations: list[Operation]) -> dict[str, Stored]:
    """What each key is that was stored. A 200 is only a yes when it shows our key, and our lock on it."""
    last = operations[-1]
    locks = last["Verb"] in ("set", "lock")
    session = next((operation["Session"] for operation in operations if "Session" in operation), None)
    if isinstance(answer, dict) and not answer.get("Errors") and answer.get("Results"):
        stored = [result["KV"] for result in answer["Results"]]
        if stored[-1]["Key"] == last["Key"] and (not locks or stored[-1].get("Session") == session):
            found = {str(one["Key"]): Stored(one.get("ModifyIndex", 0), one.get("CreateIndex")) for one in stored}
            if all(isinstance(one.index, int) for one in found.values()):
                return found
    raise Unknown(f"Consul answered a transaction of {len(operations)} operations with {str(answer)[:100]}")
