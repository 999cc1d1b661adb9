"""What the chain says of this validator becomes facts."""

from __future__ import annotations

from .. import events as ev
from ..commands import Command, Log
from ..facts import approvals, doppelganger, signing_check
from ..facts.model import Node
from ..facts.values import replace
from ..step import Step


def counters_seen(node: Node, event: ev.CountersSeen, now: int) -> Step:
    """What it has counted; None when nobody could tell."""
    node, leadership = replace(node, signing=replace(node.signing, checking=False)), node.leadership
    if event.counted is None or leadership is None or leadership.term != event.term:
        return node, []
    known = node.signing.check if node.signing.check is not None and node.signing.check.term == event.term else None
    if known is None:
        return replace(
            node,
            signing=replace(node.signing, check=signing_check.begin(event.term, event.counted, now, node.signing.made)),
        ), []
    return replace(
        node, signing=replace(node.signing, check=signing_check.fold(known, event.counted, now, node.signing.made))
    ), []


def chain_probed(node: Node, event: ev.ChainProbed, now: int) -> Step:
    """What is there of others with this key; None when nobody could tell. What comes too late is said all the same."""
    known, leadership = node.doppelganger, node.leadership
    if known is None or known.above != event.above:
        return node, []
    known = replace(known, reading=False)
    if event.look is None or (leadership is not None and (leadership.release.reason or leadership.overruled)):
        return replace(node, doppelganger=known), []
    if leadership is None:
        return replace(node, doppelganger=doppelganger.begin(known, event.look)), []
    if leadership.was_armed:
        return replace(node, doppelganger=known), _too_late(known, event.look)
    known = doppelganger.fold(known, event.look, now)
    node = replace(node, doppelganger=known)
    if known.mark is None:
        return node, []
    leadership = replace(
        leadership,
        floor=replace(leadership.floor, height=max(leadership.floor.height, known.above), least=known.above),
        cleared=False,
    )
    return replace(node, leadership=leadership), []


def approvals_seen(node: Node, event: ev.ApprovalsSeen, _now: int) -> Step:
    """How many of the newest blocks of others have none of this validator; None when nobody could tell."""
    known = node.signing.approvals
    if known is None or known.term != event.term:
        return node, []
    twice = event.own.twice if event.own is not None else None
    node = replace(node, signing=replace(node.signing, approvals=approvals.fold(known, event.own)))
    return node, [Log("error", _made_twice(twice))] if twice is not None else []


def _made_twice(height: int) -> str:
    return (
        f"SOMEBODY ELSE SIGNS WITH THIS KEY: the chain has another block {height} of this validator than its own neard"
        " has made. Find the host that has the key and is no member of this cluster, and stop its neard; this node"
        " signs on"
    )


def listing_seen(node: Node, event: ev.ListingSeen, _now: int) -> Step:
    """With which keys it lists the validator; what neard does not tell this time is as it was."""
    if event.listing is None or event.listing == node.chain.listing:
        return node, []
    return replace(node, chain=replace(node.chain, listing=event.listing)), []


def _too_late(asked: doppelganger.Doppelganger, look: doppelganger.Look) -> list[Command]:
    """This node signs above the head at which it asked, so what is higher may be its own."""
    if look.mark is None or look.mark.height > asked.asked_head:
        return []
    return [
        Log("error", f"SOMEBODY ELSE SIGNS WITH THIS KEY: {look.mark.text()}. It was seen too late, this node signs")
    ]
