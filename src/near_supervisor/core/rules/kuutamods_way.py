"""Rules of the strategy kuutamod: the hosts share one node key and one address for whoever validates.

A standby runs with its own. At a takeover its neard is started anew with the shared ones, without the validator key,
while the chain gets above all that may have been signed, and is given the key when it is connected, as any neard that
runs. Peers that still have a connection of the shared node key, because its last holder was lost in silence, refuse it:
then it goes back to its own, and signs from there.
"""

from __future__ import annotations

from .. import commands as cmd
from ..facts.leadership import Leadership, Move, Place
from ..facts.model import Node
from ..facts.neard import Guard, Neard
from ..facts.values import replace
from ..step import Step
from . import validator_key
from .neard import stop
from .silent_validator import CONNECTED_BY_MS

THERE = "it is started again without the key, with the validator's node key and address"
BACK = "it is started again without the key, with its own node key and address"


def begin(node: Node) -> Step:
    """The holder's neard leaves its place: nothing is armed by that, so it needs not wait for the heights."""
    neard, leadership = node.neard, node.leadership
    if neard is None or neard.ending or leadership is None or leadership.release.reason or not node.sync.synced:
        return node, []
    if node.doppelganger is not None and node.doppelganger.mark is not None:
        # It may be for long, and this neard sees who it is.
        return node, []
    peers = min(node.settings.min_peers, node.sync.peers or 0)
    return stop(replace(node, leadership=replace(leadership, move=Move(Place.VALIDATORS, peers))), THERE)


def go_on(node: Node, now: int) -> Step:
    """In its new place it is given the key once it is connected, and rule 4 holds."""
    neard, leadership = node.neard, node.leadership
    if neard is None or neard.ending or leadership is None:
        return node, []
    move = leadership.move
    if move is None:
        return begin(node)
    if not neard.answered:
        return node, []
    if leadership.cleared and _is_connected(node, neard, leadership, move):
        return validator_key.give_key(node, now)
    if _lacks_peers(node, move) and now >= neard.answered_at + CONNECTED_BY_MS:
        return _refused(node, leadership, move)
    if now >= neard.started_at + node.settings.startup_timeout_ms and not _waits_for_others(node, leadership):
        why = f"neard was started to be given the key, and is not ready for it: {_missing(node)}"
        return replace(node, leadership=leadership.to_be_released(why)), []
    return node, []


def start(node: Node) -> Step:
    """The old process has ended. One that ended in its new place is not started again: others may fare better."""
    leadership = node.leadership
    if leadership is None or node.guard is not Guard.READY or node.starts.under_way:
        return node, []
    move = leadership.move or Move(Place.VALIDATORS, 0)
    if move.started:
        return replace(
            node,
            leadership=leadership.to_be_released("neard ended before it was given the key"),
        ), []
    node = replace(
        node,
        starts=replace(node.starts, under_way=True),
        leadership=replace(leadership, move=replace(move, started=True)),
    )
    return node, [cmd.StartNeard(armed=False, as_validator=move.to is Place.VALIDATORS)]


def leave(node: Node, _now: int) -> Step:
    """Whoever is not to sign has to leave the shared node key to the one that is."""
    neard = node.neard
    if neard is None or neard.ending or not neard.as_validator or node.promoting:
        return node, []
    return stop(node, "it does not validate, and has the validator's node key and address")


def _is_connected(node: Node, neard: Neard, leadership: Leadership, move: Move) -> bool:
    """Has it found its peers, and has its head moved on since it answers, above all that may have been signed?"""
    sync = node.sync
    if neard.misses or not sync.synced or _lacks_peers(node, move):
        return False
    if node.settings.chain_may_stand_still:
        return True
    return (sync.advanced_at or 0) > neard.answered_at and sync.height >= leadership.floor.clear_at


def _waits_for_others(node: Node, leadership: Leadership) -> bool:
    """Is all that is missing for the others to do: blocks, or the end of somebody else who signs?"""
    return not leadership.cleared and (node.sync.synced or node.sync.stands)


def _lacks_peers(node: Node, move: Move) -> bool:
    """What is not known is not missing."""
    peers = node.sync.peers
    lone = 0 if node.settings.chain_may_stand_still else 1
    return peers is not None and peers < max(move.peers, lone)


def _refused(node: Node, leadership: Leadership, move: Move) -> Step:
    took_s = CONNECTED_BY_MS / 1000
    found = f"neard found {node.sync.peers} peers within {took_s:g} s"
    if move.to is Place.OWN_AGAIN:
        return replace(node, leadership=leadership.to_be_released(found)), []
    said = cmd.Log(
        "error",
        f"{found} with the node key that the hosts share, {max(1, move.peers)} are wanted: its peers refuse it as long"
        " as they have a connection of its last holder. It signs with its host's own",
    )
    node, out = stop(replace(node, leadership=replace(leadership, move=Move(Place.OWN_AGAIN, move.peers))), BACK)
    return node, [said, *out]


def _missing(node: Node) -> str:
    return node.sync.reason or f"its head stands at {node.sync.height}"


def due(node: Node, times: list[int]) -> None:
    """When it has had time enough to connect."""
    neard = node.neard
    if neard is not None and node.is_moving and neard.answered:
        times += (neard.answered_at + CONNECTED_BY_MS, neard.started_at + node.settings.startup_timeout_ms)
