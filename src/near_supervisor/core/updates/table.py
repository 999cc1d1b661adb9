"""Events become facts. Nothing is decided here: each handler only says what is now known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import events as ev
from ..commands import Log
from ..facts.model import Closing, Node
from ..facts.values import replace
from ..step import Step
from . import chain, cluster, consul, neard


def update(node: Node, event: ev.Event, now: int) -> Step:
    """The facts after ``event``, with what has to be said or passed on at once."""
    return HANDLERS[type(event)](node, event, now)


def _time_has_passed(node: Node, _event: ev.Tick, _now: int) -> Step:
    return node, []


def _stop_asked(node: Node, event: ev.StopAsked, now: int) -> Step:
    if node.closing is None:
        return replace(node, closing=Closing(0, now)), [Log("info", f"{event.why} received")]
    if node.neard is not None and not node.neard.killed:
        said = Log("warn", f"{event.why} received again: neard {node.neard.pid} is killed instead of stopped")
        return replace(node, closing=replace(node.closing, detach=False, force_kill=True)), [said]
    return node, [Log("info", f"{event.why} received again: already on the way out")]


def _host_seen(node: Node, event: ev.HostSeen, _now: int) -> Step:
    return (node if event.host == node.host else replace(node, host=event.host)), []


def _run_dir_seen(node: Node, event: ev.RunDirSeen, now: int) -> Step:
    """Said at once: what is written there is what saves a signer when this process crashes."""
    before, seen = node.run_dir, event.run_dir
    if seen == before:
        return node, []
    node = replace(node, run_dir=seen, run_dir_said_at=now)
    if not seen.problem:
        return node, [Log("info", f"the run directory is as it should be again (it was: {before.problem})")]
    means = "nobody finds this supervisor or its guard" if seen.gone else "a crash of this supervisor ends a signer"
    return node, [Log("error", f"{seen.problem}: {means}")]


def _detach_asked(node: Node, _event: ev.DetachAsked, now: int) -> Step:
    if node.closing is not None:
        return node, []
    return replace(node, closing=Closing(0, now, detach=True)), [Log("info", "detaching: guard and neard go on")]


HANDLERS: dict[type, Callable[[Node, Any, int], Step]] = {
    ev.GuardReady: neard.guard_ready,
    ev.GuardFailed: neard.guard_failed,
    ev.GuardLost: neard.guard_lost,
    ev.NeardStarted: neard.neard_started,
    ev.NeardRefused: neard.neard_refused,
    ev.NeardArmed: neard.neard_armed,
    ev.ArmRefused: neard.arm_refused,
    ev.NeardDisarmed: neard.neard_disarmed,
    ev.DisarmRefused: neard.disarm_refused,
    ev.NeardExited: neard.neard_exited,
    ev.Polled: neard.polled,
    ev.HostSeen: _host_seen,
    ev.RunDirSeen: _run_dir_seen,
    ev.Registered: consul.registered,
    ev.RegisterFailed: consul.register_failed,
    ev.NodeIdTaken: consul.node_id_taken,
    ev.SessionRenewed: consul.session_renewed,
    ev.MembersSeen: cluster.members_seen,
    ev.ConfigSeen: cluster.config_seen,
    ev.RequestSeen: cluster.request_seen,
    ev.RequestMoved: cluster.request_moved,
    ev.PreTakeoverAnswered: cluster.pre_takeover_answered,
    ev.DutiesSeen: cluster.duties_seen,
    ev.CountersSeen: chain.counters_seen,
    ev.ChainProbed: chain.chain_probed,
    ev.ApprovalsSeen: chain.approvals_seen,
    ev.ListingSeen: chain.listing_seen,
    ev.LeaseSeen: consul.lease_seen,
    ev.LeaseReadFailed: consul.lease_read_failed,
    ev.AcquireAnswered: consul.acquire_answered,
    ev.MissingMarked: consul.missing_marked,
    ev.HeartbeatAnswered: consul.heartbeat_answered,
    ev.ReleaseAnswered: consul.release_answered,
    ev.Tick: _time_has_passed,
    ev.StopAsked: _stop_asked,
    ev.DetachAsked: _detach_asked,
}
