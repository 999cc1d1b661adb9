"""Rules of the strategy hot: the key for a neard that runs, and the end of one that does not take it.

Armed from the moment that the guard is asked to put the key in place, whatever neard says; only the end of the process
disarms it. A takeover that fails gives the lease back and ends that neard; when a fresh one does not take the key
either, the next takeover starts neard anew with it.
"""

from __future__ import annotations

from .. import commands as cmd
from ..conditions import hot_takeover
from ..facts import lease
from ..facts.model import Node
from ..facts.neard import Guard
from ..facts.values import replace
from ..step import Step
from .neard import stop


def give_key(node: Node, now: int) -> Step:
    """Rule 4 holds, and nothing stands against it: the standby becomes the signer as it is."""
    neard, leadership = node.neard, node.leadership
    if (
        neard is None
        or neard.ending
        or leadership is None
        or leadership.deadline is None
        or node.guard is not Guard.READY
    ):
        return node, []
    room = lease.heartbeat_interval(node.settings.lease_ms)
    if now < hot_takeover.settled_at(neard) or leadership.deadline - now < room:
        return node, []
    armed = replace(neard, armed=True, arming=True, key_given_at=now)
    armed = replace(armed, key_taken_at=None, key_is_gone=False, keyless_at=None)
    node = replace(node, neard=armed, hot=replace(node.hot, reason=""), leadership=replace(leadership, was_armed=True))
    return node, [cmd.ArmNeard(neard.pid, leadership.deadline)]


def give_back(node: Node, why: str, now: int) -> Step:
    """The signer is to sign no more, in the fastest way that can be proved: without its key where it takes that, else
    by its end.
    """
    neard = node.neard
    if neard is None or neard.ending or neard.key_taken_at is not None:
        return node, []
    if not neard.armed or not hot_takeover.gives_back(node):
        return stop(node, why)
    node = replace(node, neard=replace(neard, key_taken_at=now, key_is_gone=False))
    said = cmd.Log("info", f"neard {neard.pid} is to give its key up: {why}")
    return node, [said, cmd.DisarmNeard(neard.pid)]


def confirm(node: Node, _now: int) -> Step:
    """It was seen without its key, by a question that was asked after that was taken away."""
    neard = node.neard
    if neard is None or not neard.key_is_gone or not neard.armed or neard.killed:
        return node, []
    return replace(node, neard=replace(neard, key_is_gone=False)), [cmd.ConfirmDisarmed(neard.pid)]


def renew(node: Node, _now: int) -> Step:
    """A neard that has signed is started afresh as soon as another node has the lease.

    nearcore keeps the signer of its AccountData, the statement at which addresses an account is reached: a neard whose
    key was taken away answers its successor's statement within milliseconds with a newer one of its own. Until the
    successor's next one is passed on, 10 s later, the other validators send the approvals for the successor's blocks to
    the wrong host (2.13.0, four validators: a promote took 3.6 s at the median, and more than 12 s twice in ten times).
    """
    neard, seen = node.neard, node.candidate.watch.seen if node.candidate.watch else None
    if neard is None or neard.ending or neard.keyless_at is None or neard.armed or node.candidate.acquiring:
        return node, []
    if seen is None or seen.session is None or seen.record is None:
        return node, []
    return stop(node, "it has signed, and is started afresh so that it does not go on announcing itself with the key")


def end_signer_without_its_key(node: Node, now: int) -> Step:
    """It was given the key and does not show it: it may sign, or not, and nobody knows."""
    neard, leadership = node.neard, node.leadership
    due = hot_takeover.confirmed_by(neard) if neard is not None else None
    if neard is None or neard.ending or due is None or (not node.hot.reason and now < due):
        return node, []
    why = node.hot.reason or f"neard did not show the key within {hot_takeover.CONFIRM_MS / 1000:g} s"
    node = replace(node, hot=replace(node.hot, reason=why, count=node.hot.count + 1))
    if leadership is not None and not leadership.release.reason:
        node = replace(
            node,
            leadership=leadership.to_be_released(f"hot takeover failed: {why}"),
        )
    node, out = stop(node, f"hot takeover failed: {why}")
    anew = (
        "starts neard anew" if node.hot.count >= hot_takeover.TRIES else "tries it with a neard that was started afresh"
    )
    return node, [cmd.Log("error", f"{why}; this node's next takeover {anew}"), *out]


def due(node: Node, times: list[int]) -> None:
    """When a neard may be given the key, and until when it has to show it."""
    neard = node.neard
    if neard is None or neard.ending:
        return
    confirmed_by = hot_takeover.confirmed_by(neard)
    if confirmed_by is not None:
        times.append(confirmed_by)
    elif node.promoting and not neard.armed:
        times.append(hot_takeover.settled_at(neard))
