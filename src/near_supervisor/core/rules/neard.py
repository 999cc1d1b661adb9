"""Rules about the guard and the neard of this host."""

from __future__ import annotations

from near_ha.records.switchover import Phase

from .. import commands as cmd
from ..conditions import heights, hot_takeover
from ..facts.leadership import Leadership
from ..facts.model import Node
from ..facts.neard import Guard
from ..facts.values import replace
from ..step import Step

WAITING_POLL_MS = 25
# A real neard takes 0.2 to 8 s from SIGTERM to its end, though its ports close at once: whoever waits for it, to sign
# with the key or to take the lease over, waits so long.
IN_THE_WAY_MS = 500
# Of one that ignores SIGTERM somebody hears long before it is killed.
LINGERS_MS = 2_000
# How late a new head is seen decides whether its successor waits for a block more.
HANDING_OVER_POLL_MS = 10
# Parts of the ordinary interval between two polls.
STARTING_POLLS = 10
MOVING_POLLS = 40
SYNCING_POLLS = 4


def attach_guard(node: Node, now: int) -> Step:
    """No guard, no neard: it is the first thing to have, once the neard that we know of is surely gone."""
    if node.guard is not Guard.DOWN or node.neard is not None or now < node.guard_at or leaving(node):
        return node, []
    return replace(node, guard=Guard.ATTACHING), [cmd.StartGuard()]


def start_standby(node: Node, now: int) -> Step:
    """Without a role to take, neard runs as a standby."""
    if not _may_start(node, now) or node.promoting or node.closing is not None:
        return node, []
    return replace(node, starts=replace(node.starts, under_way=True)), [cmd.StartNeard(armed=False)]


def poll_neard(node: Node, now: int) -> Step:
    """One question at a time; often while something waits for the answer."""
    if node.neard is None or node.poll.under_way or now < _poll_due(node):
        return node, []
    # One whose key was taken away is asked for nothing but whether that is gone: its metrics are expensive.
    signs = node.neard.armed and node.neard.key_taken_at is None
    metrics = signs or heights.asks_for_target(node)
    return replace(node, poll=replace(node.poll, under_way=True, asked_at=now)), [
        cmd.PollNeard(node.neard.pid, metrics)
    ]


def due(node: Node, times: list[int]) -> None:
    """When a guard, a start or an answer of neard is wanted next."""
    if node.neard is None:
        times += (node.guard_at, node.starts.next_at)
    elif not node.poll.under_way:
        times.append(_poll_due(node))
    if node.neard is not None and not node.neard.lingers and node.neard.stopped_at is not None:
        times.append(node.neard.stopped_at + LINGERS_MS)


def _poll_due(node: Node) -> int:
    """It moves up as soon as something begins to wait for the answer."""
    return 0 if node.poll.asked_at is None else node.poll.asked_at + _poll_interval(node)


def _poll_interval(node: Node) -> int:
    leadership, settings = node.leadership, node.settings
    if node.neard is None or not node.neard.answered:
        return settings.poll_ms // (MOVING_POLLS if node.is_moving else STARTING_POLLS)
    if handing_over(node) or (node.neard.armed and node.neard.key_taken_at is not None):
        return HANDING_OVER_POLL_MS
    if hot_takeover.confirmed_by(node.neard) is not None:
        return WAITING_POLL_MS
    if leadership is not None and not leadership.cleared and not leadership.release.reason:
        return _waiting_interval(node, leadership)
    if node.is_moving:
        return settings.poll_ms // MOVING_POLLS
    if node.neard.misses == 0 and not node.sync.synced:
        return settings.poll_ms // SYNCING_POLLS
    if node.neard.armed:
        # What it may have signed since the last answer is what a successor waits for.
        return max(settings.poll_ms // SYNCING_POLLS, min(settings.poll_ms, settings.block_time_ms))
    return settings.poll_ms


def handing_over(node: Node) -> bool:
    """Has this node taken on to give its lease away, and not yet begun?"""
    request, leadership = node.switchover.request, node.leadership
    if request is None or request.phase is not Phase.ACCEPTED or leadership is None or leadership.release.reason:
        return False
    return (request.source, request.term) == (node.settings.member_id, leadership.term)


def _waiting_interval(node: Node, leadership: Leadership) -> int:
    """Blocks come one block time apart or later: ask when the one that is waited for can be there, then all the time.

    Where the next block is late, an eighth of a block time is as good as at once.
    """
    settings, asked_at = node.settings, node.poll.asked_at or 0
    wanted = heights.blocks_below(node, leadership) if leadership.floor.accounted else 1
    soonest = (node.chain.heads[-1].made_at if node.chain.heads else 0) + wanted * settings.block_time_ms - asked_at
    late = asked_at - (node.sync.advanced_at or 0) > 2 * settings.block_time_ms
    often = max(WAITING_POLL_MS, settings.block_time_ms // 8 if late else 0)
    return max(often, min(soonest, settings.poll_ms // SYNCING_POLLS))


def stop(node: Node, why: str) -> Step:
    """Ask neard to end, once. One whose end somebody waits for, to sign or to take over, has a moment, then SIGKILL."""
    if node.neard is None or node.neard.ending:
        return node, []
    in_the_way = node.promoting or node.neard.armed or node.neard.as_validator
    stopped = cmd.StopNeard(why, IN_THE_WAY_MS if in_the_way else None)
    limit = node.settings.stop_timeout_ms
    patience_ms = min(limit, IN_THE_WAY_MS) if in_the_way else limit
    return replace(node, neard=replace(node.neard, ending=why, patience_ms=patience_ms)), [stopped]


def watch_end(node: Node, now: int) -> Step:
    """A neard that does not end soon after SIGTERM is said at once, with what becomes of it."""
    neard = node.neard
    if neard is None or neard.killed or neard.patience_ms is None or neard.lingers:
        return node, []
    if neard.stopped_at is None:
        return replace(node, neard=replace(neard, stopped_at=now)), []
    if now < neard.stopped_at + LINGERS_MS or neard.patience_ms <= LINGERS_MS:
        return node, []
    left = max(0, neard.stopped_at + neard.patience_ms - now) / 1000
    text = (
        f"neard {neard.pid} still runs {(now - neard.stopped_at) / 1000:.0f} s after SIGTERM ({neard.ending}): it is"
        f" killed in {left:.0f} s (--stop-timeout)"
    )
    return replace(node, neard=replace(neard, lingers=True)), [cmd.Log("warn", text)]


def kill(node: Node, why: str) -> Step:
    """SIGKILL neard, once."""
    if node.neard is None or node.neard.killed:
        return node, []
    neard = replace(node.neard, ending=node.neard.ending or why, killed=True)
    return replace(node, neard=neard), [cmd.Log("error", f"killing neard: {why}"), cmd.KillNeard(why)]


def leaving(node: Node) -> bool:
    """Is this node on its way out, with neard gone already?"""
    return node.closing is not None and node.neard is None


def _may_start(node: Node, now: int) -> bool:
    return node.guard is Guard.READY and node.neard is None and not node.starts.under_way and now >= node.starts.next_at
