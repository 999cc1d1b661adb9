"""Rules of the way out: end neard, give the lease back, and go."""

from __future__ import annotations

from .. import commands as cmd
from ..commands import Command
from ..facts.model import Closing, Node
from ..facts.neard import Guard
from ..facts.values import replace
from ..step import Step
from . import neard, validator_key

LEAVE_PATIENCE_LEASES = 1


def wind_down(node: Node, now: int) -> Step:
    """On the way out there is nothing to sign for any more: stop neard, and have the lease released as soon as it signs
    no more. A signer gives its key up first where it can, because its end may take it seconds.
    """
    closing = node.closing
    if closing is None or closing.left or closing.detach or node.guard is Guard.ATTACHING:
        # A guard that is being attached may have a neard that has to be stopped.
        return node, []
    why = "this node is shutting down" if closing.code == 0 else "this node gives up"
    if node.leadership is not None and not node.leadership.release.reason:
        node = replace(node, leadership=node.leadership.to_be_released(why))
    if node.neard is None:
        return node, []
    if closing.force_kill:
        return neard.kill(node, why)
    return validator_key.give_back(node, why, now) if node.neard.armed else neard.stop(node, why)


def leave(node: Node, now: int) -> Step:
    """Go when neard has ended and the lease is given back, or could not be for too long. Detached, go at once."""
    closing = node.closing
    if closing is None or closing.left:
        return node, []
    if closing.detach:
        return _go(node, closing, [])
    if node.guard is Guard.ATTACHING or node.neard is not None or node.starts.under_way:
        return node, []
    if node.leadership is None:
        return _go(node, closing, [])
    if now < _gives_up_at(node, closing):
        return node, []
    text = "the lease could not be released; another node takes over one lease after our last heartbeat"
    return _go(node, closing, [cmd.Log("warn", text)])


def due(node: Node, times: list[int]) -> None:
    """When ``leave`` has waited long enough."""
    if node.closing is not None and not node.closing.left:
        times.append(_gives_up_at(node, node.closing))


def _gives_up_at(node: Node, closing: Closing) -> int:
    return max(closing.since, node.signer_ended_at or 0) + LEAVE_PATIENCE_LEASES * node.settings.lease_ms


def _go(node: Node, closing: Closing, said: list[Command]) -> Step:
    gone = replace(node, closing=replace(closing, left=True))
    return gone, [*said, cmd.Exit(closing.code, closing.detach)]
