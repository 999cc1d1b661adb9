"""What of a supervisor's life is told to people: decided by what was told before, what it is now, and the time.

Pure, and no part of the core: nothing that is decided about the lease waits for it, or asks what came of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from near_ha.operator.cluster_report import request_json
from near_ha.records.states import State
from near_ha.records.switchover import Phase, Switchover

from .core.conditions import reach
from .core.conditions.readiness import Weight, reasons
from .core.facts.consent import Consent
from .core.facts.model import Node
from .core.facts.settings import Settings
from .core.rules.readiness import LASTS_MS

# A neard that has just been started has its blocks to fetch: that it is not ready is no news for a while.
STARTS_MS = 120_000
NEITHER = "none"
VALIDATOR, STANDBY = "validator", "standby"
_ROLES = {State.VALIDATING: VALIDATOR, State.VOTING: STANDBY}


class Kind(str, Enum):
    """What a notification is about. ``DRILL`` and ``TEST`` are told by somebody, over the control socket."""

    ROLE = "role"
    VETO = "veto"
    VETO_OVER = "veto_over"
    UNREADY = "unready"
    READY = "ready"
    SWITCHOVER = "switchover"
    DRILL = "drill"
    TEST = "test"


BY_HAND = (Kind.DRILL, Kind.TEST)


@dataclass(frozen=True)
class Notification:
    """``text`` is a sentence for people, ``more`` what belongs to this kind (docs/operate/notifications.md)."""

    kind: Kind
    text: str
    more: Mapping[str, Any] = field(default_factory=dict)

    def document(self, settings: Settings, number: int, wall_ms: int) -> dict[str, Any]:
        """What is sent: the ``number`` is that of this notification since the supervisor has started."""
        return {
            "event": self.kind.value,
            "text": self.text,
            "account_id": settings.account_id,
            "node_id": settings.node_id,
            "hostname": settings.hostname,
            "number": number,
            "at_ms": wall_ms,
            **self.more,
        }


@dataclass(frozen=True)
class View:
    """What may be told of a node at one instant.

    ``goes_on``: its leadership is that of the process before. ``against`` are the names and texts of what keeps a
    standby from being ready. ``doppelganger`` is what its check holds against its signing ("" = nothing).
    """

    name: str
    member_id: str
    role: str = NEITHER
    term: int = 0
    leads: bool = False
    goes_on: bool = False
    closing: bool = False
    doppelganger: str = ""
    against: tuple[tuple[str, str], ...] = ()
    request: Switchover | None = None
    consent: Consent | None = None


@dataclass(frozen=True)
class Readiness:
    """``since`` when each reason is there, which of these people know of (``told``), when they last were (``told_at``).

    ``is_told_unready``: that is the last that they have heard. ``ready_since``: nothing is against it since then;
    ``was_ready``: it has been ready, or validated, since this process began.
    """

    since: Mapping[str, int] = field(default_factory=dict)
    told: frozenset[str] = frozenset()
    told_at: Mapping[str, int] = field(default_factory=dict)
    is_told_unready: bool = False
    ready_since: int | None = None
    was_ready: bool = False


@dataclass(frozen=True)
class Told:
    """What was told up to the view ``seen``. ``vetoed_term`` is the term of the last veto, told at ``vetoed_at``."""

    role: str = ""
    seen: View | None = None
    began: int = 0
    vetoed_term: int = 0
    vetoed_at: int | None = None
    veto_stands: bool = False
    readiness: Readiness = Readiness()


News = tuple[Told, tuple[Notification, ...]]


def view(node: Node, now: int) -> View:
    """Of the facts of one supervisor."""
    leadership, mark = node.leadership, node.doppelganger.mark if node.doppelganger else None
    return View(
        node.settings.node_id,
        node.settings.member_id,
        _role_of(node),
        leadership.term if leadership else node.last_term,
        leads=leadership is not None,
        goes_on=leadership is not None and leadership.takeover is None,
        closing=node.closing is not None,
        doppelganger=mark.text() if mark is not None and leadership is not None else "",
        against=() if leadership is not None else _against(node, now),
        request=node.switchover.request,
        consent=node.switchover.consent,
    )


def news(before: Told, seen: View, now: int, again_ms: int) -> News:
    """What is to be told now, and what has been told then; the same reason again after ``again_ms`` at the soonest."""
    told = before if before.seen is not None else replace(before, began=now)
    out: list[Notification] = []
    for part in (_role, _veto, _consent, _switchover, _readiness):
        told, found = part(told, seen, now, again_ms)
        out += found
    return replace(told, seen=seen), tuple(out)


def by_hand(kind: Kind, text: str, by: str) -> Notification:
    """What somebody has told, over the control socket."""
    return Notification(kind, text, {"by": by})


def _role_of(node: Node) -> str:
    """One that is on its way out signs until its key is gone."""
    if node.state is State.SHUTDOWN and node.armed:
        return VALIDATOR
    return _ROLES.get(node.state, NEITHER)


def _against(node: Node, now: int) -> tuple[tuple[str, str], ...]:
    found = [(one.name, one.text) for one in reasons(node) if one.weight is not Weight.NOTED]
    if any(name == "sync" for name, _text in found):
        # The state only follows from it.
        found = [one for one in found if one[0] != "state"]
    silent = reach.against(node, now)
    return (*found, (reach.NAME, silent)) if silent else tuple(found)


def _role(told: Told, seen: View, _now: int, _again_ms: int) -> News:
    """Who validates, who stands by. What is on its way from the one to the other is told only of a validator."""
    if seen.role == told.role or (seen.role == NEITHER and told.role != VALIDATOR):
        return told, ()
    before, told = told.role, replace(told, role=seen.role)
    if not before and seen.goes_on:
        # The process before this one has told it.
        return told, ()
    what = {VALIDATOR: "validates", STANDBY: "stands by", NEITHER: "does not validate any more"}[seen.role]
    more = {"role": seen.role, "before": before or NEITHER, "term": seen.term}
    return told, (Notification(Kind.ROLE, f"{seen.name} {what} (term {seen.term})", more),)


def _veto(told: Told, seen: View, now: int, again_ms: int) -> News:
    """The doppelganger check keeps a new holder from signing: nobody signs for now, or somebody who should not."""
    if not seen.doppelganger:
        if not told.veto_stands:
            return told, ()
        text = f"the doppelganger check of {seen.name} holds nothing against its signing any more"
        more = {"by": "doppelganger", "term": told.vetoed_term}
        return replace(told, veto_stands=False), (Notification(Kind.VETO_OVER, text, more),)
    is_known = told.vetoed_term == seen.term and told.vetoed_at is not None
    if told.veto_stands or (is_known and now < (told.vetoed_at or 0) + again_ms):
        return told, ()
    text = f"{seen.name} holds the lease and does not sign: {seen.doppelganger}, and its lease has no other signer"
    more = {"by": "doppelganger", "term": seen.term, "reason": seen.doppelganger}
    told = replace(told, veto_stands=True, vetoed_term=seen.term, vetoed_at=now)
    return told, (Notification(Kind.VETO, text, more),)


def _consent(told: Told, seen: View, _now: int, _again_ms: int) -> News:
    """This node's own hook has said no to what somebody planned; once for each request."""
    consent, before = seen.consent, told.seen.consent if told.seen else None
    if consent is None or consent.go is not False or consent == before:
        return told, ()
    more = {"by": "pre_takeover", "reason": consent.reason, "request": consent.request}
    text = f"pre_takeover of {seen.name} is against the switchover {consent.request}: {consent.reason}"
    return told, (Notification(Kind.VETO, text, more),)


def _switchover(told: Told, seen: View, _now: int, _again_ms: int) -> News:
    """How a request has ended, told by the one that has ended it; what had ended before this process began is old."""
    request, before = seen.request, told.seen.request if told.seen else None
    if request is None or before is None or request.open or not before.open or request.id != before.id:
        return told, ()
    if request.moved_by != seen.member_id:
        return told, ()
    done = "is done" if request.phase is Phase.DONE else "has failed"
    gap = f"; nobody signed for {request.gap_ms / 1000:.2f} s" if request.gap_ms is not None else ""
    text = f"the switchover that {request.asked_by or 'somebody'} asked for {done}: {request.outcome}{gap}"
    return told, (Notification(Kind.SWITCHOVER, text, {"request": request_json(request)}),)


def _readiness(told: Told, seen: View, now: int, again_ms: int) -> News:
    """A standby that could not take over, or not before others, once that lasts; and when that is over for as long."""
    was = told.readiness
    if seen.leads or seen.closing:
        # Whoever holds the lease has taken over; what is against its next time begins anew.
        return replace(told, readiness=Readiness(told_at=was.told_at, was_ready=True)), ()
    if not seen.against:
        return _ready(told, seen, now)
    since = {name: was.since.get(name, now) for name, _text in seen.against}
    lasts_from = 0 if was.was_ready else told.began + STARTS_MS
    lasting = {name for name in since if now >= max(since[name] + LASTS_MS, lasts_from)}
    known = was.told & since.keys()
    fresh = {name for name in lasting - known if name not in was.told_at or now >= was.told_at[name] + again_ms}
    now_is = replace(was, since=since, told=known, ready_since=None)
    if not fresh:
        return replace(told, readiness=now_is), ()
    told_at = {**was.told_at, **dict.fromkeys(lasting, now)}
    now_is = replace(now_is, told=known | lasting, told_at=told_at, is_told_unready=True)
    found = [{"name": name, "text": text} for name, text in seen.against if name in lasting]
    text = f"{seen.name} is not ready to take over: " + "; ".join(one["text"] for one in found)
    return replace(told, readiness=now_is), (Notification(Kind.UNREADY, text, {"reasons": found}),)


def _ready(told: Told, seen: View, now: int) -> News:
    was = told.readiness
    since = now if was.ready_since is None else was.ready_since
    now_is = replace(was, since={}, ready_since=since, was_ready=True)
    if not was.is_told_unready or now < since + LASTS_MS:
        return replace(told, readiness=now_is), ()
    now_is = replace(now_is, told=frozenset(), is_told_unready=False)
    return replace(told, readiness=now_is), (Notification(Kind.READY, f"{seen.name} is ready to take over again"),)
