"""What a client needs to know of a cluster's document (``cluster_report``), whichever version wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..records.switchover import Phase
from . import plan
from .request import OperatorRequest, Verb

Document = Mapping[str, Any]


@dataclass(frozen=True)
class ReportedRequest:
    """The switchover that was asked for last; ``source`` and ``target`` are member ids ("" = not known yet)."""

    id: str
    phase: str
    source: str
    target: str
    outcome: str
    gap_ms: int | None
    note: str = ""


@dataclass(frozen=True)
class ReportedChange:
    """A change of validator that came of a request."""

    node_id: str
    term: int
    gap_ms: int | None


def leader(document: Document) -> str:
    """Who holds the lease, for people; "" when nobody does, or who did has fallen silent."""
    found = _object(document.get("leader"))
    return (_text(found.get("node_id")) or _text(found.get("member_id"))) if found.get("alive") is True else ""


def term(document: Document) -> int:
    """The last term of which there is a record; 0 when there has been none."""
    return _count(_object(document.get("lease")).get("term"))


def paused(document: Document) -> bool:
    """Are the roles kept from changing by themselves?"""
    return _object(document.get("paused")).get("paused") is True


def name(document: Document, member_id: str) -> str:
    """What people call this member."""
    found = next((m for m in _objects(document.get("members")) if m.get("member_id") == member_id), {})
    return _text(found.get("node_id")) or member_id or "somebody"


def against(member: Document) -> tuple[str, ...]:
    """The names of all that speaks against a takeover by this member; none where an older version wrote it."""
    found = member.get("reasons")
    return tuple(name for name in found if isinstance(name, str)) if isinstance(found, (list, tuple)) else ()


def request(document: Document) -> ReportedRequest | None:
    """The last request; None when there is none."""
    found = document.get("request")
    if not isinstance(found, dict):
        return None
    ident, phase, source, target, outcome, note = (
        _text(found.get(field)) for field in ("id", "phase", "source", "target", "outcome", "note")
    )
    return ReportedRequest(ident, phase, source, target, outcome, _gap(found), note)


def waits_for(document: Document, request_id: str) -> str:
    """Whom, and what, the open request with this id waits for, a clause; "" where it has ended, or is gone."""
    found = request(document)
    if found is None or found.id != request_id or found.phase not in (Phase.ASKED.value, Phase.ACCEPTED.value):
        return ""
    source, target, holder = name(document, found.source), name(document, found.target), leader(document)
    if found.phase == Phase.ASKED.value:
        asks = next((m for m in _objects(document.get("members")) if m.get("considers") == request_id), None)
        if asks is not None:
            return f"the answer of pre_takeover of {_text(asks.get('node_id'))}"
        return f"{holder or 'somebody who holds the lease'} to accept it" + (f" ({found.note})" if found.note else "")
    lacks = next((m for m in _objects(document.get("members")) if m.get("member_id") == found.target), {})
    reason = _text(lacks.get("reason"))
    more = f" ({target} {reason})" if reason else ""
    if holder == source:
        return f"{source} to stop signing and to give the lease back{more}"
    return f"{target} to {'sign' if holder == target else 'take the lease'}{more}"


def change_of(document: Document, request_id: str) -> ReportedChange | None:
    """The change that this request led to, as far as the history goes back."""
    for change in reversed(_objects(document.get("history"))):
        if change.get("request") == request_id:
            return ReportedChange(_text(change.get("node_id")), _count(change.get("term")), _gap(change))
    return None


def successor(document: Document, wanted: OperatorRequest) -> str:
    """Who would validate after ``wanted`` is carried out, as it looks now."""
    members = _objects(document.get("members"))
    if wanted.verb is Verb.PROMOTE:
        fields = ("member_id", "node_id", "hostname")
        found = next((m for field in fields for m in members if m.get(field) == wanted.member), {})
        return _text(found.get("node_id")) or wanted.member
    able = [m for m in members if m.get("ready") is True and not m.get("validator") and _count(m.get("priority"))]
    best = min(able, key=lambda m: plan.rank(_count(m.get("priority")), _text(m.get("member_id"))), default={})
    return _text(best.get("node_id"))


def state(leader_name: str, is_paused: bool) -> str:
    """What a diff compares."""
    return f"leader: {leader_name or 'nobody'}\npaused: {'yes' if is_paused else 'no'}\n"


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _gap(found: Mapping[str, Any]) -> int | None:
    value = found.get("gap_ms")
    return value if isinstance(value, int) and not isinstance(value, bool) else None
