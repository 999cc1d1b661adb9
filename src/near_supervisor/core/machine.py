"""The supervisor as one function: (facts, event, now) to (facts, commands).

``step`` absorbs the event, lets the state follow the facts, and applies the rules, once more for each change of
state that they bring about: one event has all its consequences at once. The same function runs in the
daemon, in the tests and in the simulation.
"""

from __future__ import annotations

from . import (
    rules_hot,
    rules_lease,
    rules_move,
    rules_neard,
    rules_promotion,
    rules_proof,
    rules_readiness,
    rules_run_dir,
    rules_session,
    rules_shutdown,
    rules_signer,
    rules_signing,
    rules_switchover,
    rules_witness,
)
from .absorb import absorb
from .commands import Command, Say
from .decide import decide
from .events import Event
from .model import Node
from .step import Step
from .transitions import advance
from .values import replace

# The longest that the core is left alone. Nothing needs it: every rule says when time alone makes it act.
IDLE_MS = 10_000


def step(node: Node, event: Event, now: int) -> Step:
    """The facts after ``event`` at ``now``, and what is to be done about it."""
    before = node
    node, out = absorb(node, event, now)
    if node is not before:
        node = _follow(node, out)
    while True:
        before = node
        node = decide(node, now, out)
        if node is before:
            return node, out
        decided, node = node, _follow(node, out)
        if node is decided:
            return node, out


def _follow(node: Node, out: list[Command]) -> Node:
    while (state := advance(node)) is not node.state:
        out.append(Say("info", f"state changed: {node.state.value} -> {state.value}"))
        node = replace(node, state=state)
    return node


def next_wakeup(node: Node, now: int) -> int:
    """The next instant at which time alone changes something; at most IDLE_MS away.

    Until then a ``Tick`` has no consequence at all (a property that test_invariants.py checks).
    """
    due = [now + IDLE_MS]
    rules_signer.due(node, due)
    rules_signing.due(node, due)
    rules_neard.due(node, due)
    rules_hot.due(node, due)
    rules_move.due(node, due)
    rules_session.due(node, due)
    rules_lease.due(node, due)
    rules_promotion.due(node, due)
    rules_switchover.due(node, due)
    rules_readiness.due(node, due)
    rules_run_dir.due(node, due)
    rules_proof.due(node, due)
    rules_witness.due(node, due)
    rules_shutdown.due(node, due)
    return min([time for time in due if time > now])


def idle_ms(node: Node, stepped_at: int, now: int) -> int:
    """How long nothing is due at ``now``, when the last step was at ``stepped_at``; 0 when something is overdue."""
    return max(0, next_wakeup(node, stepped_at) - now)


def lease_left_ms(node: Node, now: int) -> int | None:
    """Milliseconds until the holder's deadline, 0 when that has passed; None when this node holds no lease."""
    if node.tenure is None or node.tenure.deadline is None:
        return None
    return max(0, node.tenure.deadline - now)
