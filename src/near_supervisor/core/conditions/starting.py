"""What a node that is no standby yet waits for, in words that stay the same as long as that does: for its record."""

from __future__ import annotations

from near_ha.records.states import State

from ..facts import lease
from ..facts.model import Node
from ..facts.neard import Guard, Neard
from ..facts.settings import Settings

# A session that Consul does not end at its TTL ends at twice that, and an election may come in between.
TAKEN_SLACK_MS = 5_000


def patience_ends(node: Node, neard: Neard) -> int:
    """Until when a neard that has not answered yet is waited for: while it works longer, up to a limit."""
    settings = node.settings
    least = neard.started_at + settings.startup_timeout_ms
    if neard.worked_at is None:
        return least
    return max(least, min(neard.worked_at + settings.startup_timeout_ms, neard.started_at + limit_ms(settings)))


def limit_ms(settings: Settings) -> int:
    """For how long a start may take that works all the time."""
    return max(settings.startup_limit_ms, settings.startup_timeout_ms)


def missing_to_start(node: Node) -> str:
    """What a node waits for whose neard does not answer; it reads the same as long as that is so."""
    if node.neard is not None:
        return f"the first answer of neard {node.neard.pid}"
    if node.guard is not Guard.READY:
        return f"its guard{f': {node.guard_problem}' if node.guard_problem else ''}"
    return "neard to be started"


def missing_in(node: Node) -> str:
    """What is missing to the next state; "" where the node is one that could stand."""
    if node.state is State.STARTUP:
        crash = node.starts.crash
        return missing_to_start(node) + (f"; the one before {crash.text}" if crash is not None else "")
    if node.state is State.SYNCING:
        return f"neard to be in sync ({node.sync.reason})" if node.sync.reason else ""
    return missing_to_register(node) if node.state is State.REGISTERING else ""


def taken_until(node: Node) -> int | None:
    """Until when the session of another node with this node's id is waited out; None where there is none."""
    since = node.membership.taken_since
    return None if since is None else since + 2 * lease.session_ttl_ms(node.settings.lease_ms) + TAKEN_SLACK_MS


def missing_to_register(node: Node) -> str:
    """Its id may be another one's."""
    taken = node.membership.taken_by
    return f"the other one to end: {taken}" if taken else "Consul to take it as a member"
