"""Rules about a request to switch over: the holder checks it and hands over, the next validator says how it ended.

A request moves from ``asked`` to ``accepted``, while the holder still signs, and only then the holder stops: two
requests, or two holders, cannot both get there. From then on it is an ordinary release, to one node (``successor``); if
that one does not take the lease, the old holder may, and after a lease anybody.
"""

from __future__ import annotations

from near_ha.operator import plan
from near_ha.records.member_record import Member
from near_ha.records.switchover import Action, Phase, Switchover

from .. import commands as cmd
from ..conditions import hot_takeover
from ..facts.leadership import Leadership
from ..facts.maintenance_window import BEGIN
from ..facts.model import Node
from ..facts.values import replace
from ..step import Step
from . import maintenance_window, members, validator_key
from .neard import handing_over

# A request that was accepted may take these leases more than its timeout, until everybody calls it off.
ACCEPTED_LEASES = 2
# In block times, with room for a block that is missed.
FRESH_HEAD_TAKES = 3
# The same, where there is a choice among some heads.
BEST_HEAD_TAKES = BEGIN + 2
CONFIRMED_EVERY_MS = 100
# In tenths of a block time: all that there is, but the half of one by which the chain's clock may be misread.
ENDS_WITHIN = 4


def prove(node: Node, now: int) -> Step:
    """The new validator is up, in sync, and above what its predecessor signed: from here on it signs."""
    leadership = node.leadership
    if leadership is None or leadership.signs_at is not None or leadership.release.reason or not node.sync.synced:
        return node, []
    if node.neard is None or hot_takeover.confirmed_by(node.neard) is not None:
        return node, []
    node = replace(node, hot=replace(node.hot, reason="", count=0), leadership=replace(leadership, signs_at=now))
    before = leadership.takeover
    if before is None:
        return node, []
    reason = "; ".join(part for part in (leadership.overruled, before.reason) if part)
    change = before.change(leadership.term, node.settings.node_id, reason, before.unsigned_for(now), before.request)
    text = f"{node.settings.node_id} signs, {change.gap_ms} ms after {before.predecessor or 'nobody'} could have"
    return node, [cmd.Log("info", text), cmd.RecordChange(change)]


def answer_request(node: Node, now: int) -> Step:
    """The holder takes it on, or says why not, while it still signs."""
    request, leadership = node.switchover.request, node.leadership
    if request is None or leadership is None or request.phase is not Phase.ASKED or not _may_move(node, now):
        return node, []
    if leadership.release.reason or leadership.deadline is None:
        return node, []
    if request.target == node.settings.member_id:
        gap = _gap(leadership)
        return (node, []) if leadership.signs_at is None else _end(node, Phase.DONE, "it is the validator", gap)
    if request.action is Action.DEMOTE and request.term != leadership.term:
        return _end(node, Phase.DONE, f"term {request.term} is over, {node.settings.node_id} validates in its place")
    if node.cluster.paused and not request.force:
        return _end(node, Phase.FAILED, "the cluster is paused")
    if not _knows_members(node):
        return _read_members(node, now)
    successor, against = _successor(node, request)
    if against:
        return _end(node, Phase.FAILED, against)
    if not request.force and _silent(node, successor):
        return _wait_for(node, request, successor, now)
    held, why = maintenance_window.hold(node, request, now)
    if held is not None:
        return held
    accepted = request.accepted(node.settings.member_id, leadership.term, successor, 0, why)
    said = (
        f"handing over to {successor}"
        + (f": {request.reason}" if request.reason else "")
        + (f" ({why})" if why else "")
    )
    return _move(node, accepted, said)


def hand_over(node: Node, now: int) -> Step:
    """It was accepted, by this node and in this term: the lease is to be released, to the successor.

    Right after a new head, if one comes: then the signer ends below the next height, and the successor waits one block
    less; and below heights without a block or a chunk to make, if there are any.
    """
    request, leadership = node.switchover.request, node.leadership
    if request is None or leadership is None or not handing_over(node):
        return node, []
    if now < _best_moment_by(node) and (_has_old_head(node, now) or maintenance_window.owes_next(node, request)):
        return node, []
    why = f"switchover to {request.target}" + (f", as {request.asked_by} asked" if request.asked_by else "")
    return replace(node, leadership=leadership.to_be_released(why, request.target)), []


def stop_for_successor(node: Node, now: int) -> Step:
    """Also a signer that was just being started."""
    leadership = node.leadership
    if leadership is None or not leadership.release.successor:
        return node, []
    return validator_key.give_back(node, leadership.release.reason, now)


def fail(node: Node, now: int) -> Step:
    """The one who was to take over has the lease, and its leadership ends before it has signed: the request has failed.

    The one who gave its role away is to have it back; it has shown that it can.
    """
    request, leadership = node.switchover.request, node.leadership
    if request is None or leadership is None or request.phase is not Phase.ACCEPTED or not _may_move(node, now):
        return node, []
    before = leadership.takeover
    if not leadership.release.reason or leadership.signs_at is not None:
        return node, []
    if before is None or before.request != request.id:
        return node, []
    node = replace(
        node,
        leadership=replace(
            leadership, release=replace(leadership.release, successor=leadership.release.successor or request.source)
        ),
    )
    words = f"; it said last: {leadership.last_words}" if leadership.last_words else ""
    return _end(node, Phase.FAILED, f"{node.settings.node_id} could not take over: {leadership.release.reason}{words}")


def conclude(node: Node, now: int) -> Step:
    """Whoever validates after a hand-over says how it ended."""
    request, leadership = node.switchover.request, node.leadership
    if request is None or leadership is None or request.phase is not Phase.ACCEPTED or not _may_move(node, now):
        return node, []
    if leadership.signs_at is None or leadership.term <= request.term:
        return node, []
    name = node.settings.node_id
    if request.target == node.settings.member_id:
        return _end(node, Phase.DONE, f"{name} validates", _gap(leadership))
    return _end(node, Phase.FAILED, f"{request.target} did not take over, {name} validates", _gap(leadership))


def call_off(node: Node, now: int) -> Step:
    """A request that nobody carries out ends all the same, so that another one can be made."""
    request = node.switchover.request
    if request is None or not request.open or now < _called_off_at(node, request) or not _may_move(node, now):
        return node, []
    waited = f"{(now - node.switchover.since) / 1000:.0f} s"
    if request.phase is Phase.ASKED:
        return _end(node, Phase.FAILED, f"nobody carried it out within {waited}")
    return _end(node, Phase.FAILED, f"nobody has been seen to validate within {waited} of the hand-over")


def due(node: Node, times: list[int]) -> None:
    """When the request wants attention next."""
    request = node.switchover.request
    if request is None or not request.open:
        return
    times += (node.switchover.move_at, _called_off_at(node, request))
    if node.leadership is not None:
        times += maintenance_window.due(node, request)
        times += (node.cluster.next_at, _best_moment_by(node), node.switchover.since + node.settings.lease_ms)


def _best_moment_by(node: Node) -> int:
    knows = node.switchover.request is not None and maintenance_window.told(node, node.switchover.request) is not None
    return node.switchover.since + (BEST_HEAD_TAKES if knows else FRESH_HEAD_TAKES) * node.settings.block_time_ms


def _has_old_head(node: Node, now: int) -> bool:
    """Is it so late after the newest head that the next one may come before it is over?

    Or, where this signer is ended and cannot be asked any more, may be taken for one from before its end.
    """
    neard, heads, block_time = node.neard, node.chain.heads, node.settings.block_time_ms
    if neard is None or not neard.armed or not neard.answered or not heads:
        return False
    if hot_takeover.gives_back(node):
        # When it came: its own time is that of its optimistic block, on a real chain a whole block earlier.
        return now - (node.sync.advanced_at or 0) >= block_time // 2
    return now + block_time * ENDS_WITHIN // 10 - heads[-1].made_at >= block_time // 2


def _called_off_at(node: Node, request: Switchover) -> int:
    patience = request.timeout_ms
    if request.phase is Phase.ACCEPTED:
        patience += ACCEPTED_LEASES * node.settings.lease_ms
    return node.switchover.since + patience


def _may_move(node: Node, now: int) -> bool:
    return (
        node.switchover.moving is None
        and node.switchover.index is not None
        and now >= node.switchover.move_at
        and node.closing is None
    )


def _knows_members(node: Node) -> bool:
    """What was read before the request was made says nothing of now."""
    return node.cluster.read_at is not None and node.cluster.read_at >= node.switchover.since


def _read_members(node: Node, now: int) -> Step:
    """Somebody waits: sooner again than where nobody does, and no sooner where Consul refuses at once."""
    return members.ask(node, now, CONFIRMED_EVERY_MS)


def _wait_for(node: Node, request: Switchover, successor: str, now: int) -> Step:
    """It confirms within a lease, or its hook is asked by then: that has all the time that the request has."""
    record, since = _record_of(node, successor), node.switchover.since
    considers = record is not None and record.considers == request.id
    if now < since + (request.timeout_ms if considers else node.settings.lease_ms):
        return _read_members(node, now)
    why = "its pre_takeover has not answered" if considers else "it is gone, or out of reach"
    return _end(node, Phase.FAILED, f"{successor} has not confirmed within {(now - since) / 1000:.0f} s: {why}")


def _record_of(node: Node, name: str) -> Member | None:
    return next((member.record for member in node.cluster.members if member.member_id == name), None)


def _silent(node: Node, successor: str) -> bool:
    """A host that died a moment ago is ready by its record, and its session has not ended yet."""
    record, request = _record_of(node, successor), node.switchover.request
    return record is None or request is None or record.confirms not in (None, request.id)


def _successor(node: Node, request: Switchover) -> tuple[str, str]:
    """Who is to take over, or what stands against it."""
    key, lease_ms = node.settings.validator_public_key, node.settings.lease_ms
    vetoes = {} if request.force else _vetoes(node, request)
    if request.action is Action.DEMOTE:
        able = [member for member in node.cluster.members if member.member_id not in vetoes]
        best = plan.best(able, key, lease_ms)
        against = "; ".join(("no standby is ready to take over", *vetoes.values()))
        return (best.member_id, "") if best else ("", against)
    target = next((member for member in node.cluster.members if member.member_id == request.target), None)
    if target is None:
        return "", f"{request.target} is no member of this cluster"
    stops = plan.stops(plan.against(target, key, lease_ms), request.force)
    return target.member_id, stops or vetoes.get(target.member_id, "")


def _vetoes(node: Node, request: Switchover) -> dict[str, str]:
    """Whose hook says no to this request, and why."""
    return {
        member.member_id: f"pre_takeover of {member.name} is against it: {member.record.veto or 'it does not say why'}"
        for member in node.cluster.members
        if member.record is not None and member.record.vetoes == request.id
    }


def _gap(leadership: Leadership) -> int | None:
    if leadership.takeover is None or leadership.signs_at is None:
        return None
    return leadership.takeover.unsigned_for(leadership.signs_at)


def _end(node: Node, phase: Phase, outcome: str, gap_ms: int | None = None) -> Step:
    request = node.switchover.request
    if request is None:
        return node, []
    return _move(node, request.ended(phase, node.settings.member_id, 0, outcome, gap_ms), "")


def _move(node: Node, moved: Switchover, said: str) -> Step:
    if node.switchover.index is None:
        return node, []
    out: list[cmd.Command] = [cmd.Log("info", said)] if said else []
    return replace(node, switchover=replace(node.switchover, moving=moved)), [
        *out,
        cmd.MoveRequest(node.switchover.index, moved),
    ]
