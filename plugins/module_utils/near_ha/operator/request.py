"""What a person's request means in a cluster as it is now: nothing to do, a refusal, or one value to write.

Pure: the same decision serves ``--check``, the control socket and whoever writes to Consul directly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Union

from ..records import consul_keys, wire
from ..records.cluster import Cluster, MemberStatus
from ..records.cluster_config import ClusterConfig
from ..records.states import State
from ..records.switchover import DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS, Action, Phase, Switchover
from . import plan

# So that a request stays far below what a reader takes, in whatever script it is written.
MAX_NAME = 100
MAX_REASON = 500


class Verb(str, Enum):
    """The operator's verbs. ``CANCEL`` calls off a switchover that nobody has begun to carry out."""

    PROMOTE = "promote"
    DEMOTE = "demote"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


@dataclass(frozen=True)
class OperatorRequest:
    """``member`` (member id, node id or host name) is who shall validate, or stop to; a ``demote`` may leave it "".

    ``by`` says who asks, ``reason`` why. ``force``: also an unready target, also in a paused cluster; it shortens
    no wait. ``now``: whatever the validator owes at these heights. ``ignore_doppelganger``: of a ``promote``, whoever
    else is seen to sign with the key; it risks two signers.
    """

    verb: Verb
    member: str = ""
    by: str = ""
    reason: str = ""
    timeout_ms: int = DEFAULT_TIMEOUT_MS
    force: bool = False
    now: bool = False
    ignore_doppelganger: bool = False


@dataclass(frozen=True)
class Nothing:
    """It is so already, or comes about by the switchover ``request`` that is under way; ``text`` says how."""

    text: str
    request: str = ""


@dataclass(frozen=True)
class Refusal:
    """It cannot be: ``text`` says what stands against it, ``hint`` what to do. Nothing is changed."""

    text: str
    hint: str = ""


@dataclass(frozen=True)
class Write:
    """Set ``key`` to ``value`` if its ModifyIndex still is ``index`` (0 = there is no key); ``text`` says what for.

    ``request`` is the id to follow ("" = nothing is to be waited for).
    """

    key: str
    index: int
    value: str
    text: str
    request: str = ""


Decision = Union[Nothing, Refusal, Write]


def decide(cluster: Cluster, wanted: OperatorRequest, request_id: str, now_ms: int) -> Decision:
    """What ``wanted`` comes to in ``cluster``; ``request_id`` is unique, ``now_ms`` wall clock for people."""
    if not 0 < wanted.timeout_ms <= MAX_TIMEOUT_MS:
        return Refusal(f"timeout {wanted.timeout_ms} ms is not between 1 and {MAX_TIMEOUT_MS}")
    for name, text, limit in (("by", wanted.by, MAX_NAME), ("reason", wanted.reason, MAX_REASON)):
        if len(text) > limit:
            return Refusal(f"{name} has {len(text)} characters, more than {limit}", "Say it in fewer words")
    if not cluster.known:
        hint = "Is this the right account id, and does a supervisor run?"
        return Refusal(f"nobody is a member of the cluster of account {cluster.account_id}", hint)
    return _DECIDERS[wanted.verb](cluster, wanted, request_id, now_ms)


def _promote(cluster: Cluster, wanted: OperatorRequest, request_id: str, now_ms: int) -> Decision:
    target = cluster.member(wanted.member)
    if target is None:
        return _no_member(cluster, wanted.member)
    request, holder = _under_way(cluster), cluster.validator
    if request is not None and request.target == target.member_id and _covers(request, wanted):
        return Nothing(f"{target.name} is about to validate, as {_who_asked(request)}", request.id)
    holds = holder is not None and holder.member_id == target.member_id
    if request is None and holds and not (wanted.ignore_doppelganger and _waits(target)):
        return Nothing(f"{target.name} is the validator already (term {cluster.term})")
    refusal = _busy(cluster, wanted) or _unfit(cluster, target, wanted)
    if refusal is not None:
        return refusal
    request = _request(cluster, wanted, Action.PROMOTE, target.member_id, (request_id, now_ms))
    if holds:
        return _write(cluster, request, f"{target.name} signs, whatever the doppelganger check holds against it")
    begin = f"{cluster.leader} hands over to" if cluster.leader else "nobody validates; the lease goes to"
    return _write(cluster, request, f"{begin} {target.name}")


def _waits(holder: MemberStatus) -> bool:
    """Does it hold the lease and not sign, as far as it has said? The doppelganger check may keep it from that."""
    return holder.record is not None and holder.record.state != State.VALIDATING.value


def _covers(request: Switchover, wanted: OperatorRequest) -> bool:
    """Does the request that is under way allow all that this one does?"""
    overrules = request.ignore_doppelganger or not wanted.ignore_doppelganger
    return overrules and (request.force or not wanted.force)


def _demote(cluster: Cluster, wanted: OperatorRequest, request_id: str, now_ms: int) -> Decision:
    holder = cluster.validator
    named = cluster.member(wanted.member) if wanted.member else holder
    if wanted.member and named is None:
        return _no_member(cluster, wanted.member)
    if cluster.lease_session is None:
        return Nothing("nobody validates")
    if holder is None or cluster.lease is None:
        return Refusal(f"{cluster.leader} holds the lease and is no member of this cluster", "Stop it where it runs")
    request = _under_way(cluster)
    if named is not None and named.member_id != holder.member_id:
        if request is None or request.target != named.member_id:
            return Nothing(f"{named.name} does not validate, {holder.name} does")
    elif request is not None and request.target != holder.member_id:
        return Nothing(f"{holder.name} is about to hand over, as {_who_asked(request)}", request.id)
    refusal = _busy(cluster, wanted)
    if refusal is not None:
        return refusal
    others = [member for member in cluster.members if member.member_id != holder.member_id]
    successor = plan.best(others, cluster.lease.validator_public_key, cluster.lease.lease_ms)
    if successor is None:
        return Refusal(f"no standby is ready to take over from {holder.name}{_why_not(cluster, others)}", _LOOK)
    return _write(
        cluster,
        _request(cluster, wanted, Action.DEMOTE, "", (request_id, now_ms)),
        f"{holder.name} hands over to the best standby, {successor.name} as it looks now",
    )


def _pause(cluster: Cluster, wanted: OperatorRequest, _request_id: str, now_ms: int) -> Decision:
    paused = wanted.verb is Verb.PAUSE
    if cluster.config_known and cluster.config.paused is paused:
        since = f" (by {cluster.config.by}: {cluster.config.reason})" if paused and cluster.config.by else ""
        return Nothing(f"the cluster is {'paused already' if paused else 'not paused'}{since}")
    value = ClusterConfig(paused, wanted.by, wanted.reason, now_ms).to_json()
    text = "no role changes by itself any more" if paused else "a failed validator is replaced by itself again"
    return Write(consul_keys.config(cluster.account_id), cluster.config_index, value, text)


def _cancel(cluster: Cluster, wanted: OperatorRequest, _request_id: str, now_ms: int) -> Decision:
    request = _under_way(cluster)
    if request is None:
        return Nothing("no switchover is under way")
    if request.phase is not Phase.ASKED:
        text = f"the switchover to {request.target} has begun, as {_who_asked(request)}"
        return Refusal(text, "It ends by itself; promote the other node afterwards")
    by = wanted.by or "somebody"
    ended = request.ended(
        Phase.FAILED, "", now_ms, f"called off by {by}" + (f": {wanted.reason}" if wanted.reason else "")
    )
    what = f"{request.action.value} {request.target}".strip()
    key = consul_keys.switchover(cluster.account_id)
    text = f"{what} is called off, which {request.asked_by or 'somebody'} has asked for"
    return Write(key, cluster.request_index, ended.to_json(), text)


_DECIDERS: dict[Verb, Callable[[Cluster, OperatorRequest, str, int], Decision]] = {
    Verb.PROMOTE: _promote,
    Verb.DEMOTE: _demote,
    Verb.PAUSE: _pause,
    Verb.RESUME: _pause,
    Verb.CANCEL: _cancel,
}
_LOOK = "See near-supervisor status for what each member lacks"


def _no_member(cluster: Cluster, name: str) -> Refusal:
    hint = f"Members are: {_listed(cluster.members)}" if cluster.members else "It has no member now"
    several = cluster.called(name)
    if several:
        text = f"{len(several)} members of the cluster are called {wire.shown(name)}"
        return Refusal(text, f"Name one by its member id: {', '.join(member.member_id for member in several)}")
    for one in cluster.starting:
        if one.record is not None and name in (one.member_id, one.record.node_id, one.record.hostname):
            text = (
                f"{one.name} is starting and can be asked for nothing yet: it {one.record.reason or one.record.state}"
            )
            return Refusal(text, f"Wait until it is a member. {_LOOK}")
    return Refusal(f"{wire.shown(name)} is no member of the cluster of account {cluster.account_id}", hint)


def _listed(members: tuple[MemberStatus, ...]) -> str:
    return ", ".join(m.name if m.name == m.member_id else f"{m.name} ({m.member_id})" for m in members)


def _under_way(cluster: Cluster) -> Switchover | None:
    return cluster.request if cluster.request is not None and cluster.request.open else None


def _who_asked(request: Switchover) -> str:
    return f"{request.asked_by or 'somebody'} has asked ({request.id})"


def _busy(cluster: Cluster, wanted: OperatorRequest) -> Refusal | None:
    request = _under_way(cluster)
    if request is not None:
        what = f"{request.action.value} {request.target}".strip()
        text = f"another switchover is under way: {what}, as {_who_asked(request)}"
        return Refusal(text, "Wait for its end, at most its timeout; as long as it has not begun, cancel calls it off")
    if cluster.config.paused and not wanted.force:
        by = f" by {cluster.config.by}" if cluster.config.by else ""
        return Refusal(f"the cluster is paused{by}", "Resume it first, or use force to switch over all the same")
    return None


def _unfit(cluster: Cluster, target: MemberStatus, wanted: OperatorRequest) -> Refusal | None:
    """A holder's key and lease have to be the target's; of a lease that nobody holds the record binds nobody."""
    held = cluster.lease_session is not None
    if held and cluster.lease is None:
        text = f"{cluster.leader or 'a stranger'} holds the lease and is no supervisor of ours"
        return Refusal(text, "Stop it where it runs; a standby takes over by itself")
    right = cluster.lease if held and cluster.lease is not None else target.record
    against = plan.against(target, right.validator_public_key if right else "", right.lease_ms if right else 0)
    stops = plan.stops(against, wanted.force)
    if not stops:
        return None
    forceable = all(obstacle.forceable for obstacle in against)
    return Refusal(stops, f"Wait until it is, or use force. {_LOOK}" if forceable else _LOOK)


def _why_not(cluster: Cluster, others: list[MemberStatus]) -> str:
    if not others or cluster.lease is None:
        return ", it is the only member"
    key, lease_ms = cluster.lease.validator_public_key, cluster.lease.lease_ms
    reasons = [
        plan.stops(plan.against(other, key, lease_ms), force=False) or f"{other.name} has failover priority 0"
        for other in others
    ]
    return ": " + "; ".join(reasons)


def _request(
    cluster: Cluster, wanted: OperatorRequest, action: Action, target: str, asked: tuple[str, int]
) -> Switchover:
    request_id, now_ms = asked
    term = cluster.term if cluster.lease_session is not None else 0
    return Switchover(
        id=request_id,
        action=action,
        target=target,
        asked_by=wanted.by,
        reason=wanted.reason,
        asked_at_ms=now_ms,
        term=term,
        timeout_ms=wanted.timeout_ms,
        force=wanted.force,
        now=wanted.now,
        ignore_doppelganger=wanted.ignore_doppelganger,
    )


def _write(cluster: Cluster, request: Switchover, text: str) -> Write:
    key = consul_keys.switchover(cluster.account_id)
    return Write(key, cluster.request_index, request.to_json(), text, request.id)
