"""How far the predecessor of a holder may have come, and whether its own neard is above that."""

from __future__ import annotations

from near_ha.records import wire
from near_ha.records.lease_record import LeaseState

from ..facts import chain_clock, heads, lease, lease_view
from ..facts.heads import End
from ..facts.leadership import Leadership
from ..facts.model import Node
from ..facts.values import replace
from . import next_height


def foreseen(node: Node, now: int) -> int | None:
    """What the holder that is silent may have signed, for a standby that waits; None as long as it may still sign."""
    watched = node.candidate.watch
    if watched is None or watched.seen.record is None or watched.seen.record.state is not LeaseState.VALIDATING:
        return None
    height = signed_by(node, lease_view.ended(watched, now))
    return None if height is None else max(node.believed.height, height)


def gone_by(node: Node, now: int) -> int:
    """What the chain's clock shows when the holder of a lease that somebody deleted, or wrote over, is gone, and
    whoever held one of another name; 0 when nobody knows.
    """
    kept = node.candidate.watch.seen.kept if node.candidate.watch is not None else None
    other = (
        node.candidate.key_lock.other.record
        if node.candidate.key_lock is not None and node.candidate.key_lock.other is not None
        else None
    )
    heartbeats = [one for one in (kept, node.believed.known, other) if one is not None and one.chain_ms]
    gone = [one.chain_ms + lease.longest_hold_ms(one.lease_ms) for one in heartbeats]
    return min(max([clock_reads(node, now), *gone]), wire.MAX_COUNT)


def clock_reads(node: Node, now: int) -> int:
    """What the chain's clock shows now, as far as this node knows; 0 when it does not."""
    return min(max(0, node.chain.clock.reads(now)), wire.MAX_COUNT) if node.chain.clock is not None else 0


def signed_by(node: Node, end: End) -> int | None:
    """The smaller of two bounds, where both are known: by the first head after it, and by the heads before it."""
    bounds = (heads.accounted(node.chain.heads, end, node.settings.skip_ms, misread_ms(node)), _reachable(node, end))
    return min((bound for bound in bounds if bound is not None), default=None)


def _reachable(node: Node, end: End) -> int | None:
    return (
        None
        if node.chain.rate_ms is None
        else heads.reachable(node.chain.heads, end, node.chain.rate_ms, misread_ms(node))
    )


def misread_ms(node: Node) -> int:
    """By so many milliseconds a head may be older than it seems."""
    return node.settings.block_time_ms // 2


def passed_on(node: Node, leadership: Leadership) -> int:
    """How far the predecessor of a holder that has signed nothing came, for its successor's floor.

    Without the bound by the heads before its end: that is as wide as they are old, and whoever follows has its own.
    """
    if leadership.floor.end is None or leadership.floor.told:
        return leadership.floor.height
    first = heads.accounted(node.chain.heads, leadership.floor.end, node.settings.skip_ms, misread_ms(node))
    return leadership.floor.least if first is None else min(leadership.floor.height, max(leadership.floor.least, first))


def believed(node: Node, end: End, now: int) -> End:
    """A record that puts the chain's clock far ahead of what our neard shows of it is nonsense, or a trick."""
    if node.chain.clock is None or end.chain_ms <= node.chain.clock.reads(now) + chain_clock.FUTURE_MS:
        return end
    return replace(end, chain_ms=0)


def is_above(node: Node, leadership: Leadership) -> bool:
    """Is nothing that neard may sign from now on at a height that may have been signed?

    A neard that is given the key as it runs may be one block below, where it would sign nothing at the height above its
    head (``next_height``).
    """
    if not leadership.floor.accounted:
        return False
    clear_at = leadership.floor.clear_at
    if blocks_below(node, leadership):
        return False
    return node.sync.height >= clear_at or next_height.is_used_up(node, clear_at)


def blocks_below(node: Node, leadership: Leadership) -> int:
    """How many blocks are waited for, once the predecessor is accounted for."""
    enough = leadership.floor.clear_at - next_height.is_free(node, leadership, leadership.floor.clear_at)
    return max(0, enough - node.sync.height)


def asks_for_target(node: Node) -> bool:
    """Is all that it waits for that its neard has used the next height up? Its metrics are asked for no earlier."""
    leadership = node.leadership
    if (
        leadership is None
        or leadership.cleared
        or leadership.release.reason
        or not leadership.floor.accounted
        or leadership.deadline is None
    ):
        return False
    return blocks_below(node, leadership) == 0 and not is_above(node, leadership)


def missing(node: Node, leadership: Leadership) -> str:
    """What keeps this node from signing, a clause for people."""
    if not leadership.floor.accounted:
        return f"own head {node.sync.height} is no newer than the last that the predecessor may have signed"
    floor = leadership.floor.height
    return f"own head {node.sync.height} is not above height {floor}, up to which the predecessor may have signed"
