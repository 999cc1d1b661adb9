"""Rules about heights: how far the predecessor of a new holder may have come."""

from __future__ import annotations

from . import heads, tip
from .heads import End
from .model import Node, Tenure
from .step import Step
from .values import replace


def account(node: Node, _now: int) -> Step:
    """The holder's neard shows a head that was made after the end of the predecessor, or does not show one any more.

    (A head may turn out to be older than it seemed, by what the next one shows.)
    """
    tenure = node.tenure
    if tenure is None or tenure.cleared or tenure.give_up or tenure.end is None:
        return node, []
    settings = node.settings
    if tenure.accounted and node.heads[0].made_at >= tenure.end.at:
        # What came before is forgotten by now.
        return node, []
    height = heads.accounted(node.heads, tenure.end, settings.skip_ms, settings.block_time_ms // 2)
    floor = max(tenure.floor, height or 0)
    if (tenure.floor, tenure.accounted) == (floor, height is not None):
        return node, []
    return replace(node, tenure=replace(tenure, floor=floor, accounted=height is not None)), []


def believed(node: Node, end: End, now: int) -> End:
    """A record that puts the chain's clock far ahead of what our neard shows of it is nonsense, or a trick."""
    if node.tip is None or end.chain_ms <= node.tip.reads(now) + tip.FUTURE_MS:
        return end
    return replace(end, chain_ms=0)


def missing(node: Node, tenure: Tenure) -> str:
    """What keeps this node from signing, a clause for people."""
    if not tenure.accounted:
        return f"own head {node.sync.height} is no newer than the last that the predecessor may have signed"
    return f"own head {node.sync.height} is not above height {tenure.floor}, up to which the predecessor may have signed"
