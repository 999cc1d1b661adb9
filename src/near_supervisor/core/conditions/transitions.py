"""The six states and the only ways between them, as a table.

A state is a summary for people and metrics; what is done follows from the facts in ``model``.
"""

from __future__ import annotations

from collections.abc import Callable

from near_ha.records.states import State

from ..facts.model import Node


def _closing(node: Node) -> bool:
    return node.closing is not None and not node.closing.detach


def _armed(node: Node) -> bool:
    # kuutamod's state has always said that the key is in place, too.
    return node.neard is not None and node.neard.armed and not node.neard.arming


def _answers(node: Node) -> bool:
    return node.neard is not None and node.neard.answered


def _gone(node: Node) -> bool:
    return (node.neard is None or not node.neard.answered) and not node.promoting


def _synced(node: Node) -> bool:
    return node.sync.synced and _answers(node)


def _behind(node: Node) -> bool:
    # One that has just been started to be given the key finds its peers.
    return not node.sync.synced and _answers(node) and not node.is_moving


def _registered(node: Node) -> bool:
    return node.session is not None


def _unregistered(node: Node) -> bool:
    return node.session is None


def _keyless(node: Node) -> bool:
    return node.neard is not None and not node.neard.armed and not node.starts.under_way


def _ended(node: Node) -> bool:
    return node.neard is None and not node.starts.under_way


Condition = Callable[[Node], bool]

TRANSITIONS: tuple[tuple[State, Condition, State], ...] = (
    (State.STARTUP, _closing, State.SHUTDOWN),
    (State.STARTUP, _armed, State.VALIDATING),
    (State.STARTUP, _answers, State.SYNCING),
    (State.SYNCING, _closing, State.SHUTDOWN),
    (State.SYNCING, _gone, State.STARTUP),
    (State.SYNCING, _synced, State.REGISTERING),
    (State.REGISTERING, _closing, State.SHUTDOWN),
    (State.REGISTERING, _gone, State.STARTUP),
    (State.REGISTERING, _behind, State.SYNCING),
    (State.REGISTERING, _registered, State.VOTING),
    (State.VOTING, _closing, State.SHUTDOWN),
    (State.VOTING, _armed, State.VALIDATING),
    (State.VOTING, _gone, State.STARTUP),
    (State.VOTING, _behind, State.SYNCING),
    (State.VOTING, _unregistered, State.REGISTERING),
    (State.VALIDATING, _closing, State.SHUTDOWN),
    (State.VALIDATING, _ended, State.STARTUP),
    (State.VALIDATING, _keyless, State.SYNCING),
)


_FROM: dict[State, list[tuple[Condition, State]]] = {
    state: [(condition, target) for source, condition, target in TRANSITIONS if source is state] for state in State
}


def advance(node: Node) -> State:
    """The state one transition further, or the same state when none applies."""
    for condition, target in _FROM[node.state]:
        if condition(node):
            return target
    return node.state
