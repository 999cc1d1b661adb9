"""Does this node stand for the lease once it may be had, and how long does it hold back for others?

The watch says from when on the lease may be taken; this only ever adds to that. It decides who of several takes it,
and whether anybody does: a paused cluster changes no role by itself, a node of priority 0 waits to be asked.
"""

from __future__ import annotations

from near_ha.member_record import MAX_PRIORITY
from near_ha.switchover import Phase

from . import watch
from .commands import Say
from .model import Node, Tenure
from .readiness import is_equal
from .step import Step
from .values import replace

# A tenure that signed for so long was a good one.
PROVEN_LEASES = 10
# Whoever loses the lease again and again lets the others go first, up to so many leases.
LONGEST_COOL_DOWN_LEASES = 3
# And whoever fails by itself for longer each time, up to this (or to a lease, where that is longer).
LONGEST_COOL_DOWN_MS = 300_000


def stands_at(node: Node) -> int | None:
    """The instant from which this node tries to acquire the lease; None when time alone does not bring it."""
    opens = watch.opens_at(node.watch, node.settings, node.seen_lease_ms)
    if opens is None:
        return None
    if _is_wanted(node):
        return opens
    held_back = _held_back_ms(node)
    return None if held_back is None else max(opens + held_back, node.cool_until)


def _is_wanted(node: Node) -> bool:
    """Somebody has named this node as the next validator: its predecessor, or a person."""
    me, record = node.settings.member_id, node.watch.seen.record if node.watch else None
    asked = node.request is not None and node.request.open and node.request.target == me
    return asked or (record is not None and record.handover_to == me)


def _held_back_ms(node: Node) -> int | None:
    """How much longer than it has to this node waits; None when it does not stand at all."""
    lease_ms, priority = node.settings.lease_ms, node.settings.priority
    was_mine = _was_mine(node)
    if node.paused is None:
        return None
    gave = _gave_away(node)
    if node.paused and not gave:
        return 0 if was_mine else None
    if was_mine and _was_given_away(node):
        # And nobody took it: nothing may end with nobody signing.
        return 0
    if not priority and not gave:
        return None
    for_others = lease_ms // 2 if (node.request is not None and node.request.open) or _better_stands_by(node) else 0
    return for_others + (MAX_PRIORITY - priority) * lease_ms // (2 * MAX_PRIORITY)


def _better_stands_by(node: Node) -> bool:
    """Is another node ready, without what would make a takeover of this one a worse one?"""
    if is_equal(node.against):
        return False
    holder = node.watch.seen.session if node.watch else None
    return any(
        member.alive
        and member.session != holder
        and member.record is not None
        and member.record.ready
        and is_equal(member.record.reasons)
        for member in node.members
    )


def _was_mine(node: Node) -> bool:
    """Did this node hold the lease last?"""
    return node.watch is not None and watch.is_own(node.watch.seen, node.settings)


def _gave_away(node: Node) -> bool:
    """Has this node given its role to another one, by a switchover that has not ended? Then it answers for the end."""
    request = node.request
    return request is not None and request.phase is Phase.ACCEPTED and request.source == node.settings.member_id


def _was_given_away(node: Node) -> bool:
    """Was the lease released to one node only?"""
    seen = node.watch.seen if node.watch else None
    return seen is not None and seen.released and seen.record is not None and bool(seen.record.handover_to)


def failed(tenure: Tenure) -> bool:
    """Did it end before this node has signed?"""
    return tenure.signs_at is None and tenure.succession is not None


def after(tenure: Tenure, node: Node, now: int) -> Step:
    """The facts after the end of ``tenure``: one that ended early, and not by somebody's wish, is remembered.

    Of this node alone: how others fare holds nobody back.
    """
    if node.closing is not None or (tenure.heir and not failed(tenure)):
        return node, []
    lease_ms = node.settings.lease_ms
    if tenure.signs_at is not None and now - tenure.signs_at >= PROVEN_LEASES * lease_ms:
        return replace(node, flaps=0, cool_until=now), []
    flaps = node.flaps + 1
    cools_ms = _cools_ms(node, flaps, _fails_by_itself(tenure, node, now))
    node = replace(node, flaps=flaps, cool_until=now + cools_ms)
    if not cools_ms:
        return node, []
    times = "for the first time" if flaps == 1 else f"for the {_ordinal(flaps)} time in a row"
    text = (
        f"a leadership of this node ended early {times} ({tenure.give_up or 'it lost the lease'}): it lets others"
        f" go first for {cools_ms / 1000:.0f} s"
    )
    return node, [Say("warn", text)]


def _cools_ms(node: Node, flaps: int, by_itself: bool) -> int:
    """For how long a node with so many early ends in a row lets others go first.

    What fails by itself is tried once on each node, and then ever more rarely; what Consul or the network took away
    will be well again when they are.
    """
    lease_ms = node.settings.lease_ms
    if not by_itself:
        return min(flaps - 1, LONGEST_COOL_DOWN_LEASES) * lease_ms
    longest = max(LONGEST_COOL_DOWN_MS, lease_ms)
    # The shift is bounded: it may go on for months.
    return min(lease_ms << min(flaps - 1, longest.bit_length()), longest)


def _fails_by_itself(tenure: Tenure, node: Node, now: int) -> bool:
    """Did it come to nothing, or to less than a lease, though nobody took the lease away?"""
    if not tenure.give_up or (tenure.signs_at is not None and now - tenure.signs_at >= node.settings.lease_ms):
        return False
    ended, deadline = node.neard_ended_at, tenure.deadline
    return ended is None or deadline is None or ended < deadline


def _ordinal(number: int) -> str:
    return {2: "second", 3: "third"}.get(number, f"{number}th")
