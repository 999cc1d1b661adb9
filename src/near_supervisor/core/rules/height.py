"""The rule of the height rule: account for the predecessor, by what the holder's neard shows."""

from __future__ import annotations

from ..conditions import heights
from ..facts import heads
from ..facts.heads import End
from ..facts.leadership import Floor
from ..facts.model import Node
from ..facts.values import replace
from ..step import Step


def account(node: Node, _now: int) -> Step:
    """How far the predecessor may have come, by what the holder's neard shows now.

    A newer head tells it better; one may also turn out to be older than it seemed, by what the next one shows.
    """
    leadership = node.leadership
    if leadership is None or leadership.cleared or leadership.release.reason or leadership.floor.end is None:
        return node, []
    floor = leadership.floor
    found = _accounted(node, floor, leadership.floor.end)
    return (node if found == floor else replace(node, leadership=replace(leadership, floor=found))), []


def _accounted(node: Node, floor: Floor, end: End) -> Floor:
    if floor.told:
        return replace(floor, accounted=True)
    if floor.accounted and heads.is_after(node.chain.heads[0], end, heights.misread_ms(node)):
        # What came before is forgotten by now.
        return floor
    height = heights.signed_by(node, end)
    return replace(floor, height=max(floor.least, height or 0), accounted=height is not None)
