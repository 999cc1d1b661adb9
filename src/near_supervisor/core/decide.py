"""Facts become commands: rules applied in order, each a function of (facts, now).

A rule looks at what is known, and marks what it has asked for in the facts, so that applying it again
asks for nothing twice. The order matters in one respect: what ends a signer stands before everything
that starts or prolongs one.
"""

from __future__ import annotations

from collections.abc import Callable

from . import commands as cmd
from . import rules_lease, rules_neard, rules_session, rules_signer
from .commands import Command
from .evolve import replace
from .model import Closing, Guard, Node
from .step import Step

LEAVE_PATIENCE_LEASES = 1


def decide(node: Node, now: int) -> Step:
    """Apply every rule once."""
    out: list[Command] = []
    for rule, fact in RULES:
        if fact is None or getattr(node, fact) is not None:
            node, commands = rule(node, now)
            out += commands
    return node, out


def leave(node: Node, now: int) -> Step:
    """Stop neard, wait for it, release, go. Never in another order."""
    closing = node.closing
    if closing is None or closing.left:
        return node, []
    if closing.detach:
        return _go(node, closing, [])
    if node.guard is Guard.ATTACHING:
        # It may have a neard that has to be stopped.
        return node, []
    why = "this node is shutting down" if closing.code == 0 else "this node gives up"
    if node.tenure is not None and not node.tenure.give_up:
        node = replace(node, tenure=replace(node.tenure, give_up=why))
    if node.neard is not None:
        return (rules_neard.kill if closing.hurry else rules_neard.stop)(node, why)
    if node.starting:
        return node, []
    if node.tenure is None:
        return _go(node, closing, [])
    ended = max(closing.since, node.neard_ended_at or 0)
    if now - ended < LEAVE_PATIENCE_LEASES * node.settings.lease_ms:
        return node, []
    text = "the lease could not be released; another node takes over one lease after our last heartbeat"
    return _go(node, closing, [cmd.Say("warn", text)])


def _go(node: Node, closing: Closing, said: list[Command]) -> Step:
    gone = replace(node, closing=replace(closing, left=True))
    return gone, [*said, cmd.Exit(closing.code, closing.detach)]


# Each rule with the fact without which it has nothing to say ("neard", "tenure", ...), so that it is not even asked.
RULES: tuple[tuple[Callable[[Node, int], Step], str | None], ...] = (
    (rules_signer.end_signer_without_lease, "neard"),
    (rules_signer.end_signer_at_deadline, "tenure"),
    (rules_signer.end_standby_that_shows_a_key, "neard"),
    (rules_signer.end_neard_that_hangs, "neard"),
    (rules_signer.end_neard_that_never_gets_ready, "neard"),
    (rules_signer.stop_when_starts_fail, None),
    (rules_signer.stop_when_starts_are_refused, None),
    (rules_signer.step_down_when_behind, "tenure"),
    (rules_neard.attach_guard, None),
    (rules_lease.heartbeat, "tenure"),
    (rules_lease.clear_to_sign, "tenure"),
    (rules_lease.promote, "tenure"),
    (rules_lease.release, "tenure"),
    (rules_neard.start_standby, None),
    (rules_neard.poll_neard, "neard"),
    (rules_session.register, None),
    (rules_session.renew_session, "session"),
    (rules_session.publish_member, "session"),
    (rules_lease.acquire, "session"),
    (leave, "closing"),
)
