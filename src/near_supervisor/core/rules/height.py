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
    tenure = node.tenure
    if tenure is None or tenure.cleared or tenure.give_up or tenure.end is None:
        return node, []
    if tenure.told:
        return (node, []) if tenure.accounted else (replace(node, tenure=replace(tenure, accounted=True)), [])
    if tenure.accounted and heads.is_after(node.heads[0], tenure.end, heights.misread_ms(node)):
        # What came before is forgotten by now.
        return node, []
    height = heights.signed_by(node, tenure.end)
    floor = max(tenure.least, height or 0)
    if (tenure.floor, tenure.accounted) == (floor, height is not None):
        return node, []
    return replace(node, tenure=replace(tenure, floor=floor, accounted=height is not None)), []
