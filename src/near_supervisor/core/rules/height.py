"""The rule of the height rule: account for the predecessor, by what the holder's neard shows."""

from __future__ import annotations

from ..conditions import heights
from ..facts import heads
from ..facts.model import Node
from ..facts.values import replace
from ..step import Step


def account(node: Node, _now: int) -> Step:
    """How far the predecessor may have come, by what the holder's neard shows now.

    A newer head tells it better; one may also turn out to be older than it seemed, by what the next one shows.
    """
    leadership = node.leadership
    if leadership is None or leadership.cleared or leadership.release_reason or leadership.end is None:
        return node, []
    if leadership.told:
        return (
            (node, []) if leadership.accounted else (replace(node, leadership=replace(leadership, accounted=True)), [])
        )
    if leadership.accounted and heads.is_after(node.chain.heads[0], leadership.end, heights.misread_ms(node)):
        # What came before is forgotten by now.
        return node, []
    height = heights.signed_by(node, leadership.end)
    floor = max(leadership.least, height or 0)
    if (leadership.floor, leadership.accounted) == (floor, height is not None):
        return node, []
    return replace(node, leadership=replace(leadership, floor=floor, accounted=height is not None)), []
