"""Rules of the strategy hot: the key for a neard that runs, and the end of one that does not take it.

Armed from the moment that the guard is asked to put the key in place, whatever neard says; only the end of the process
disarms it. A takeover that fails gives the lease back, and the next one of this node starts neard anew.
"""

from __future__ import annotations

from . import commands as cmd
from . import hot, lease
from .model import Guard, Node
from .rules_neard import stop
from .step import Step
from .values import replace


def give_key(node: Node, now: int) -> Step:
    """Rule 4 holds, and nothing stands against it: the standby becomes the signer as it is."""
    neard, tenure = node.neard, node.tenure
    if neard is None or neard.ending or tenure is None or tenure.deadline is None or node.guard is not Guard.READY:
        return node, []
    room = lease.heartbeat_interval(node.settings.lease_ms)
    if now < hot.settled_at(neard) or tenure.deadline - now < room:
        return node, []
    armed = replace(neard, armed=True, key_given_at=now)
    node = replace(node, neard=armed, tenure=replace(tenure, was_armed=True))
    return node, [cmd.ArmNeard(neard.pid, tenure.deadline)]


def end_signer_without_its_key(node: Node, now: int) -> Step:
    """It was given the key and does not show it: it may sign, or not, and nobody knows."""
    neard, tenure = node.neard, node.tenure
    due = hot.confirmed_by(neard) if neard is not None else None
    if neard is None or neard.ending or due is None or (not node.hot_failed and now < due):
        return node, []
    why = node.hot_failed or f"neard did not show the key within {hot.CONFIRM_MS / 1000:g} s"
    node = replace(node, hot_failed=why)
    if tenure is not None and not tenure.give_up:
        node = replace(node, tenure=replace(tenure, give_up=f"hot takeover failed: {why}"))
    node, out = stop(node, f"hot takeover failed: {why}")
    return node, [cmd.Say("error", f"{why}; this node's next takeover starts neard anew"), *out]


def due(node: Node, times: list[int]) -> None:
    """When a neard may be given the key, and until when it has to show it."""
    neard = node.neard
    if neard is None or neard.ending:
        return
    confirmed_by = hot.confirmed_by(neard)
    if confirmed_by is not None:
        times.append(confirmed_by)
    elif node.promoting and not neard.armed:
        times.append(hot.settled_at(neard))
