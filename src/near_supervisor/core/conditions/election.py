"""Does this node stand for the lease once it may be had, and how long does it hold back for others?

The watch says from when on the lease may be taken; this only ever adds to that. It decides who of several takes it,
and whether anybody does: a paused cluster changes no role by itself, a node of priority 0 waits to be asked.
"""

from __future__ import annotations

from near_ha.records.member_record import MAX_PRIORITY
from near_ha.records.switchover import Phase

from ..commands import Log
from ..facts import key_lock, lease_view
from ..facts.leadership import Leadership
from ..facts.model import Node
from ..facts.values import replace
from ..step import Step
from .readiness import is_equal

# A leadership that signed for so long was a good one.
PROVEN_LEASES = 10
# Whoever loses the lease again and again lets the others go first, up to so many leases.
LONGEST_COOL_DOWN_LEASES = 3
# And whoever fails by itself for longer each time, up to this (or to a lease, where that is longer).
LONGEST_COOL_DOWN_MS = 300_000


def stands_at(node: Node) -> int | None:
    """The instant from which this node tries to acquire the lease; None when time alone does not bring it."""
    opens = lease_view.opens_at(node.candidate.watch, node.settings, node.believed.lease_ms)
    if opens is None:
        return None
    if node.candidate.watch is not None and node.candidate.watch.seen.index is not None:
        # (To note that there is no lease takes nothing from anybody.)
        key_opens = key_lock.opens_at(node.candidate.key_lock, node.settings)
        if key_opens is None:
            return None
        opens = max(opens, key_opens)
    if _is_wanted(node):
        return opens
    held_back = _held_back_ms(node)
    if held_back is None:
        return None
    return opens + held_back if _is_left_alone(node) else max(opens + held_back, node.early_ends.cool_until)


def _is_wanted(node: Node) -> bool:
    """Somebody has named this node as the next validator: its predecessor, or a person."""
    me, record = node.settings.member_id, node.candidate.watch.seen.record if node.candidate.watch else None
    asked = (
        node.switchover.request is not None and node.switchover.request.open and node.switchover.request.target == me
    )
    return asked or (record is not None and record.handover_to == me)


def _held_back_ms(node: Node) -> int | None:
    """How much longer than it has to this node waits; None when it does not stand at all."""
    lease_ms, priority = node.settings.lease_ms, node.settings.priority
    was_mine = _was_mine(node)
    if node.cluster.paused is None:
        return None
    gave = _gave_away(node)
    if node.cluster.paused and not gave:
        return 0 if was_mine else None
    if was_mine and _was_given_away(node):
        # And nobody took it: nothing may end with nobody signing.
        return 0
    if not priority and not gave:
        return None
    request = node.switchover.request
    for_others = lease_ms // 2 if (request is not None and request.open) or _better_stands_by(node) else 0
    return for_others + (MAX_PRIORITY - priority) * lease_ms // (2 * MAX_PRIORITY)


def _better_stands_by(node: Node) -> bool:
    """Is another node ready, without what would make a takeover of this one a worse one?"""
    if is_equal(node.against):
        return False
    holder = node.candidate.watch.seen.session if node.candidate.watch else None
    return any(
        member.alive
        and member.session != holder
        and member.record is not None
        and member.record.ready
        and is_equal(member.record.reasons)
        for member in node.cluster.members
    )


def _is_left_alone(node: Node) -> bool:
    """Is there nobody whom this node could let go first, as the last holder has left, and no other member is there?

    What failed here more than once is tried ever more rarely all the same.
    """
    record = node.candidate.watch.seen.record if node.candidate.watch else None
    if record is None or not record.leaves or node.cluster.read_at is None or node.early_ends.failures > 1:
        return False
    left = (record.node_id, record.hostname)
    return not any(
        member.alive and (member.record is None or (member.record.node_id, member.record.hostname) != left)
        for member in node.cluster.members
    )


def _was_mine(node: Node) -> bool:
    """Did this node hold the lease last?"""
    return node.candidate.watch is not None and lease_view.is_own(node.candidate.watch.seen, node.settings)


def _gave_away(node: Node) -> bool:
    """Has this node given its role to another one, by a switchover that has not ended? Then it answers for the end."""
    request = node.switchover.request
    return request is not None and request.phase is Phase.ACCEPTED and request.source == node.settings.member_id


def _was_given_away(node: Node) -> bool:
    """Was the lease released to one node only?"""
    seen = node.candidate.watch.seen if node.candidate.watch else None
    return seen is not None and seen.released and seen.record is not None and bool(seen.record.handover_to)


def failed(leadership: Leadership) -> bool:
    """Did it end before this node has signed?"""
    return leadership.signs_at is None and leadership.takeover is not None


def after(leadership: Leadership, node: Node, now: int) -> Step:
    """The facts after the end of ``leadership``: one that ended early, and not by somebody's request, is remembered.

    Of this node alone: how others fare holds nobody back.
    """
    if node.closing is not None or (leadership.release.successor and not failed(leadership)):
        return node, []
    lease_ms = node.settings.lease_ms
    signed_ms = 0 if leadership.signs_at is None else now - leadership.signs_at
    if signed_ms >= PROVEN_LEASES * lease_ms:
        return replace(node, early_ends=replace(node.early_ends, flaps=0, failures=0, cool_until=now)), []
    fails = signed_ms < lease_ms and _gave_up_in_time(leadership, node)
    failures = node.early_ends.failures + 1 if fails else node.early_ends.failures if signed_ms < lease_ms else 0
    node = replace(node, early_ends=replace(node.early_ends, flaps=node.early_ends.flaps + 1, failures=failures))
    cools_ms = _cools_ms(node, fails)
    node = replace(node, early_ends=replace(node.early_ends, cool_until=now + cools_ms))
    if not cools_ms:
        return node, []
    text = (
        f"a leadership of this node ended early ({leadership.release.reason or 'it lost the lease'}),"
        f" {node.early_ends.flaps} in a row by now: it lets others go first for {cools_ms / 1000:.0f} s"
    )
    return node, [Log("warn", text)]


def _cools_ms(node: Node, fails: bool) -> int:
    """For how long this node lets others go first.

    What fails by itself is tried once on each node, and then ever more rarely; what Consul or the network took away
    will be well again when they are.
    """
    lease_ms = node.settings.lease_ms
    if not fails:
        return min(node.early_ends.flaps - 1, LONGEST_COOL_DOWN_LEASES) * lease_ms
    longest = max(LONGEST_COOL_DOWN_MS, lease_ms)
    # The shift is bounded: it may go on for months.
    return min(lease_ms << min(node.early_ends.failures - 1, longest.bit_length()), longest)


def _gave_up_in_time(leadership: Leadership, node: Node) -> bool:
    """Was the lease given up though nobody had taken it away?"""
    ended, deadline = node.signer_ended_at, leadership.deadline
    return bool(leadership.release.reason) and (ended is None or deadline is None or ended < deadline)
