"""Who else could take over? Asked by the rules that need to know it, one question at a time."""

from __future__ import annotations

from .. import commands as cmd
from ..facts.model import Node
from ..facts.values import replace
from ..step import Step

EVERY_MS = 1_000


def ask(node: Node, now: int, every_ms: int = EVERY_MS) -> Step:
    """Read the other members, unless that is under way, or was asked for less than ``every_ms`` ago."""
    if node.cluster.reading or now < node.cluster.next_at:
        return node, []
    return replace(node, cluster=replace(node.cluster, reading=True, next_at=now + every_ms)), [cmd.ReadMembers()]
