"""The rule of the next height: ask the chain once who makes what there, before it has to be known."""

from __future__ import annotations

from ..commands import ReadDuties
from ..conditions import hot_takeover, next_height
from ..facts.model import DutiesReading, Node
from ..facts.values import replace
from ..step import Step


def read(node: Node, now: int) -> Step:
    """Whoever begins a term asks once, before it has to know."""
    leadership = node.leadership
    if (
        leadership is None
        or leadership.cleared
        or leadership.release.reason
        or not next_height.has_said(leadership)
        or hot_takeover.against_as_it_runs(node)
    ):
        return node, []
    asker = next_height.asker(leadership)
    if node.duties is not None and node.duties.asker == asker:
        return node, []
    return replace(node, duties=DutiesReading(asker, now)), [ReadDuties(asker)]
