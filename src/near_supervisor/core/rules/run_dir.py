"""The rule for a run directory that is gone for good: end in order, so that the service manager makes it anew.

A standby ends at once, a validator when another one is ready to take the lease. Until then it signs on: nothing that it
signs with is in there.
"""

from __future__ import annotations

from .. import commands as cmd
from ..commands import Command
from ..facts.model import Closing, Node
from ..facts.values import replace
from ..step import Step
from . import members

SAY_AGAIN_MS = 30_000


def end(node: Node, now: int) -> Step:
    """Nobody can ask this node any more, nor take its signer up after a crash."""
    if not node.run_dir.gone or node.closing is not None:
        return node, []
    leadership = node.leadership
    if leadership is not None and (node.cluster.paused or not node.cluster.standby_ready):
        return _stay(node, now)
    why = node.run_dir.problem
    if leadership is not None:
        node = replace(
            node,
            leadership=leadership.to_be_released(leadership.release.reason or f"{why}, and a standby is ready"),
        )
    text = f"{why}: this supervisor ends, so that its service manager makes the directory anew"
    return replace(node, closing=Closing(1, now)), [cmd.Log("error", text)]


def _stay(node: Node, now: int) -> Step:
    out: list[Command] = []
    if now >= node.run_dir_said_at + SAY_AGAIN_MS:
        node = replace(node, run_dir_said_at=now)
        held = "the cluster is paused" if node.cluster.paused else "no standby is ready"
        out.append(cmd.Log("error", f"{node.run_dir.problem}, and {held}: this node keeps the lease"))
    if node.cluster.paused:
        return node, out
    node, asked = members.ask(node, now)
    return node, out + asked


def due(node: Node, times: list[int]) -> None:
    """When to ask for a standby again, and to say it again."""
    if node.run_dir.gone and node.closing is None and node.leadership is not None:
        times += (node.cluster.next_at, node.run_dir_said_at + SAY_AGAIN_MS)
