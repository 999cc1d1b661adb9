"""What concerns the whole cluster becomes facts: its members, whether it is paused, the request to switch over."""

from __future__ import annotations

from near_ha.operator import plan

from .. import events as ev
from ..commands import Log
from ..conditions.readiness import is_equal
from ..facts.answer import Kind
from ..facts.model import Node
from ..facts.values import replace
from ..step import Step

RETRY_MS = 500


def members_seen(node: Node, event: ev.MembersSeen, _now: int) -> Step:
    """Who else is there, and is any of them ready?"""
    locks = node.cluster.other_locks if event.locks is None else event.locks
    node = replace(node, cluster=replace(node.cluster, reading=False, other_locks=locks))
    if event.members is None:
        return replace(node, cluster=replace(node.cluster, standby_ready=False, standby_equal=False)), []
    mine, able = node.settings, []
    # Of who stands by nobody asks whether another one could take over.
    if node.leadership is not None:
        able = [
            one
            for one in event.members
            # A priority of 0 never takes over by itself.
            if one.record and one.record.priority and not plan.against(one, mine.validator_public_key, mine.lease_ms)
        ]
    equal = any(one.record is not None and is_equal(one.record.reasons) for one in able)
    node = replace(node, cluster=replace(node.cluster, members=event.members, read_at=event.asked_at))
    return replace(node, cluster=replace(node.cluster, standby_ready=bool(able), standby_equal=equal)), []


def config_seen(node: Node, event: ev.ConfigSeen, _now: int) -> Step:
    """May roles change by themselves?"""
    paused = event.paused if event.paused is not None else bool(node.cluster.paused)
    if paused == node.cluster.paused:
        return node, []
    before, node = node.cluster.paused, replace(node, cluster=replace(node.cluster, paused=paused))
    if paused:
        text = "the cluster is paused: no failover until somebody resumes it (near-supervisor resume)"
        return node, [Log("warn", text)]
    return node, [] if before is None else [Log("info", "the cluster is not paused any more")]


def request_seen(node: Node, event: ev.RequestSeen, now: int) -> Step:
    """Somebody wants another validator, or the request has come further."""
    request, known = event.request, node.switchover.request
    if request is not None and known is not None and (request.id, request.phase) == (known.id, known.phase):
        return replace(node, switchover=replace(node.switchover, request=request, index=event.index)), []
    if _is_stale(node, event):
        return node, []
    node = replace(node, switchover=replace(node.switchover, request=request, index=event.index, since=now))
    if request is None or not (request.open or known is not None):
        return node, []
    what = f"{request.action.value} {request.target}".strip()
    text = f"switchover ({what}) {request.phase.value}" + (f": {request.outcome}" if request.outcome else "")
    return node, [Log("info", text)]


def _is_stale(node: Node, event: ev.RequestSeen) -> bool:
    """A read that was older than the one before, about the same request."""
    known, request = node.switchover.request, event.request
    if known is None or request is None or node.switchover.index is None:
        return False
    return request.id == known.id and event.index < node.switchover.index and not event.turned_back


def request_moved(node: Node, event: ev.RequestMoved, now: int) -> Step:
    """The request is where we wanted it, or somebody was faster: what it is now, the watch shows."""
    moving = node.switchover.moving
    if moving is None or moving.id != event.id:
        return node, []
    node = replace(node, switchover=replace(node.switchover, moving=None, move_at=now + RETRY_MS))
    if event.answer.kind is not Kind.YES:
        return node, []
    request = node.switchover.request
    if request is None or request.id != moving.id or request.phase is moving.phase:
        return node, []
    return replace(node, switchover=replace(node.switchover, request=moving, index=None, since=now)), []


def pre_takeover_answered(node: Node, event: ev.PreTakeoverAnswered, _now: int) -> Step:
    """The hook's word; of another request than the newest that it was asked about it is none any more."""
    consent = node.switchover.consent
    if consent is None or consent.request != event.id:
        return node, []
    heard = replace(consent, go=event.go, reason="" if event.go else event.reason)
    node = replace(node, switchover=replace(node.switchover, consent=heard))
    if event.go:
        return node, [Log("info", f"pre_takeover agrees to the switchover {event.id}")]
    return node, [Log("warn", f"pre_takeover is against the switchover {event.id}: {event.reason}")]


def duties_seen(node: Node, event: ev.DutiesSeen, _now: int) -> Step:
    """At which heights nothing is owed, or that neard does not tell."""
    reading = node.duties
    if reading is None or reading.asker != event.asker:
        return node, []
    return replace(node, duties=replace(reading, answered=True, duties=event.duties, reason=event.reason)), []
