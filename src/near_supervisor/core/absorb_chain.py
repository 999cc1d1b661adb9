"""What the chain says of this validator becomes facts."""

from __future__ import annotations

from . import events as ev
from . import proof
from .model import Node
from .step import Step
from .values import replace


def counters_seen(node: Node, event: ev.CountersSeen, now: int) -> Step:
    """What it has counted; None when nobody could tell."""
    node, tenure = replace(node, proof_reading=False), node.tenure
    if event.counted is None or tenure is None or tenure.term != event.term:
        return node, []
    known = node.proof if node.proof is not None and node.proof.term == event.term else None
    if known is None:
        return replace(node, proof=proof.begin(event.term, event.counted, now, node.made)), []
    return replace(node, proof=proof.fold(known, event.counted, now)), []
