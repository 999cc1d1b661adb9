"""The supervisor as one function: (facts, event, now) to (facts, commands).

``step`` takes the event in, lets the state follow the facts, and applies the rules, once more for each change of
state or of the rules that are asked: one event has all its consequences at once. The same function runs in the
daemon, in the tests and in the simulation.
"""

from __future__ import annotations

from .commands import Command, Log
from .conditions.transitions import advance
from .events import Event
from .facts.model import Node
from .facts.values import replace
from .rules.table import asked, decide, wakeups
from .step import Step
from .updates.table import update

# The longest that the core is left alone. Nothing needs it: every rule says when time alone makes it act.
IDLE_MS = 10_000


def step(node: Node, event: Event, now: int) -> Step:
    """The facts after ``event`` at ``now``, and what is to be done about it."""
    before = node
    node, out = update(node, event, now)
    if node is not before:
        node = _follow(node, out)
    while True:
        before = node
        node = decide(node, now, out)
        if node is before:
            return node, out
        decided, node = node, _follow(node, out)
        if node is decided and asked(node) is asked(before):
            return node, out


def _follow(node: Node, out: list[Command]) -> Node:
    while (state := advance(node)) is not node.state:
        out.append(Log("info", f"state changed: {node.state.value} -> {state.value}"))
        node = replace(node, state=state)
    return node


def next_wakeup(node: Node, now: int) -> int:
    """The next instant at which time alone changes something; at most IDLE_MS away.

    Until then a ``Tick`` has no consequence at all (a property that test_invariants.py checks).
    """
    return min([now + IDLE_MS, *wakeups(node, now)])


def idle_ms(node: Node, stepped_at: int, now: int) -> int:
    """How long nothing is due at ``now``, when the last step was at ``stepped_at``; 0 when something is overdue."""
    return max(0, next_wakeup(node, stepped_at) - now)


def lease_left_ms(node: Node, now: int) -> int | None:
    """Milliseconds until the holder's deadline, 0 when that has passed; None when this node holds no lease."""
    if node.leadership is None or node.leadership.deadline is None:
        return None
    return max(0, node.leadership.deadline - now)
