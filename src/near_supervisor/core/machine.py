"""The supervisor as one function: (facts, event, now) to (facts, commands).

``step`` absorbs the event, lets the state follow the facts, and applies the rules; it repeats the last two
until nothing changes, so that one event has all its consequences at once. The same function runs in
the daemon, in the tests and in the simulation.
"""

from __future__ import annotations

from . import lease, watch
from .absorb import absorb
from .commands import Command, Say
from .decide import decide
from .events import Event
from .evolve import replace
from .model import Node
from .rules_neard import poll_due
from .rules_session import PUBLISH_EVERY_MS
from .step import Step
from .transitions import advance

# The longest that the core is left alone: a bound for what has no time of its own.
IDLE_MS = 1_000
MIN_HEARTBEAT_TIMEOUT_MS = 300


def step(node: Node, event: Event, now: int) -> Step:
    """The facts after ``event`` at ``now``, and what is to be done about it."""
    node, out = absorb(node, event, now)
    settled = False
    while not settled:
        node, said = _follow(node)
        node, commands = decide(node, now)
        out += said + commands
        settled = not said and not commands
    return node, out


def _follow(node: Node) -> Step:
    said: list[Command] = []
    while (state := advance(node)) is not node.state:
        said.append(Say("info", f"state changed: {node.state.value} -> {state.value}"))
        node = replace(node, state=state)
    return node, said


def next_wakeup(node: Node, now: int) -> int:
    """The next instant at which time alone changes something; at most IDLE_MS away."""
    due = [now + IDLE_MS]
    if node.neard is not None and not node.polling:
        due.append(poll_due(node))
    if node.neard is None:
        due += [node.start_at, node.guard_at]
    if node.session is None:
        due.append(node.register_at)
    else:
        due += [node.session.renew_at, node.publish_at, node.publish_at + PUBLISH_EVERY_MS]
    if node.tenure is not None:
        due += _tenure_times(node)
    else:
        verdict = watch.verdict(node.watch, node.settings, node.seen_lease_ms, now)
        due.append(node.acquire_at)
        if isinstance(verdict, watch.Wait) and verdict.until is not None:
            due.append(verdict.until)
    return min(time for time in due if time > now)


def _tenure_times(node: Node) -> list[int]:
    tenure = node.tenure
    if tenure is None:
        return []
    times = [] if tenure.beating else [tenure.heartbeat_at]
    if tenure.deadline is not None:
        times.append(tenure.deadline)
    if tenure.give_up and not tenure.releasing:
        times.append(tenure.release_at)
    return times


def lease_left_ms(node: Node, now: int) -> int | None:
    """Milliseconds until the holder's deadline; None when this node holds no lease."""
    if node.tenure is None or node.tenure.deadline is None:
        return None
    return node.tenure.deadline - now


def heartbeat_timeout_ms(lease_ms: int) -> int:
    """How long one request about the lease may take: one heartbeat, so that a lost one costs little."""
    return max(MIN_HEARTBEAT_TIMEOUT_MS, lease.heartbeat_interval(lease_ms))
