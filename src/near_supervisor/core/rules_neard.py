"""Rules about the guard and the neard of this host."""

from __future__ import annotations

from . import commands as cmd
from .evolve import replace
from .model import Guard, Node
from .step import Step

WAITING_POLL_MS = 25
STARTING_POLL_MS = 100
SYNCING_POLL_MS = 250


def attach_guard(node: Node, now: int) -> Step:
    """No guard, no neard: it is the first thing to have, once the neard that we know of is surely gone."""
    if node.guard is not Guard.DOWN or node.neard is not None or now < node.guard_at or leaving(node):
        return node, []
    return replace(node, guard=Guard.ATTACHING), [cmd.StartGuard()]


def start_standby(node: Node, now: int) -> Step:
    """Without a role to take, neard runs as a standby."""
    if not _may_start(node, now) or node.promoting or node.closing is not None:
        return node, []
    return replace(node, starting=True), [cmd.StartNeard(armed=False)]


def poll_neard(node: Node, now: int) -> Step:
    """One question at a time; often while something waits for the answer."""
    if node.neard is None or node.polling or now < poll_due(node):
        return node, []
    return replace(node, polling=True, polled_at=now), [cmd.PollNeard(node.neard.pid, node.neard.armed)]


def poll_due(node: Node) -> int:
    """When to ask next: it moves up as soon as something begins to wait for the answer."""
    return 0 if node.polled_at is None else node.polled_at + _poll_interval(node)


def _poll_interval(node: Node) -> int:
    if node.neard is None or not node.neard.answered:
        return STARTING_POLL_MS
    if node.tenure is not None and not node.tenure.cleared and not node.tenure.give_up:
        # Heights come one block time apart: an eighth of that is as good as at once.
        return max(WAITING_POLL_MS, node.settings.block_time_ms // 8)
    if not node.sync.synced and node.neard.misses == 0:
        return SYNCING_POLL_MS
    return node.settings.poll_ms


def stop(node: Node, why: str) -> Step:
    """Ask neard to end, once."""
    if node.neard is None or node.neard.ending:
        return node, []
    return replace(node, neard=replace(node.neard, ending=why)), [cmd.StopNeard(why)]


def kill(node: Node, why: str) -> Step:
    """SIGKILL neard, once."""
    if node.neard is None or node.neard.killed:
        return node, []
    neard = replace(node.neard, ending=node.neard.ending or why, killed=True)
    return replace(node, neard=neard), [cmd.Say("error", f"killing neard: {why}"), cmd.KillNeard(why)]


def leaving(node: Node) -> bool:
    """Is this node on its way out, with neard gone already?"""
    return node.closing is not None and node.neard is None


def _may_start(node: Node, now: int) -> bool:
    return node.guard is Guard.READY and node.neard is None and not node.starting and now >= node.start_at
