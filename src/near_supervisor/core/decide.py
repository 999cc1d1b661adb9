"""Facts become commands: rules applied in order, each a function of (facts, now).

A rule looks at what is known, and marks what it has asked for in the facts, so that applying it again
asks for nothing twice. The order matters in two respects: what ends a signer stands before everything that
starts or prolongs one, and no rule makes an earlier one act, so that once through them is enough. A rule that changes
what others are asked about (a neard that answers, the way out) changes the state, and ``step`` comes by again.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

from . import (
    rules_duties,
    rules_height,
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
from .commands import Command
from .model import Node
from .step import Step


def decide(node: Node, now: int, out: list[Command]) -> Node:
    """Apply every rule once; what they want is added to ``out``."""
    neard = node.neard
    process = (False, False, False) if neard is None else (True, neard.armed, neard.answered)
    request = node.request is not None and node.request.open
    for rule in _ASKED[process, node.tenure is not None, node.session is not None, request, node.closing is not None]:
        node, commands = rule(node, now)
        if commands:
            out += commands
    return node


Rule = Callable[[Node, int], Step]

_FACTS = ("neard", "signer", "answer", "tenure", "session", "request", "closing")
# Each rule with what there has to be for it to have something to say, so that it is not even asked without that.
RULES: tuple[tuple[Rule, str], ...] = (
    (rules_signer.end_signer_without_lease, "signer, no tenure"),
    (rules_signer.end_signer_at_deadline, "signer, tenure"),
    (rules_signer.end_standby_that_shows_a_key, "answer, no signer"),
    (rules_signer.end_signer_with_another_key, "signer, answer"),
    (rules_signer.end_neard_that_hangs, "answer"),
    (rules_signer.end_neard_that_never_gets_ready, "neard, no answer"),
    (rules_hot.end_signer_without_its_key, "signer"),
    (rules_hot.confirm, "signer, answer"),
    (rules_signer.stop_when_starts_fail, "no neard"),
    (rules_signer.stop_when_starts_are_refused, "no neard"),
    (rules_run_dir.end, "no closing"),
    (rules_signing.say, "signer, answer, tenure"),
    (rules_signing.make_room, "signer, answer, tenure"),
    (rules_switchover.hand_over, "tenure, request"),
    (rules_switchover.fail, "tenure, request"),
    (rules_switchover.stop_for_heir, "signer, tenure"),
    (rules_shutdown.wind_down, "closing"),
    (rules_neard.attach_guard, "no neard"),
    (rules_lease.heartbeat, "tenure"),
    (rules_height.account, "tenure, no signer"),
    (rules_duties.read, "answer, tenure, no signer"),
    (rules_witness.look, "answer, no signer"),
    (rules_witness.overrule, "tenure, request, no signer"),
    (rules_witness.rest, "tenure, no signer"),
    (rules_witness.make_room, "tenure, no signer"),
    (rules_witness.alarm, "tenure, no signer"),
    (rules_promotion.clear_to_sign, "tenure, no signer"),
    (rules_promotion.promote, "tenure, no signer"),
    (rules_lease.release, "tenure"),
    (rules_hot.renew, "answer, no signer, no tenure, no closing"),
    (rules_move.leave, "neard, no signer"),
    (rules_neard.start_standby, "no neard"),
    (rules_neard.poll_neard, "neard"),
    (rules_session.register, "no session"),
    (rules_session.renew_session, "session"),
    (rules_readiness.judge, ""),
    (rules_session.publish_member, "session"),
    (rules_switchover.prove, "signer, answer, tenure"),
    (rules_signing.look, "signer, answer, tenure"),
    (rules_proof.look, "signer, answer, tenure"),
    (rules_proof.tell, "signer, tenure"),
    (rules_proof.alarm, "signer, tenure"),
    (rules_proof.witness, "signer, tenure"),
    (rules_proof.warn_of_kickout, "signer, tenure"),
    (rules_switchover.answer_request, "tenure, request"),
    (rules_switchover.conclude, "tenure, request"),
    (rules_switchover.call_off, "session, request"),
    (rules_lease.acquire, "session, no tenure"),
    (rules_readiness.look_at_members, "session, no tenure"),
    (rules_readiness.complain, "no tenure"),
    (rules_readiness.forget, "tenure"),
    (rules_shutdown.leave, "closing"),
)


def _asked(there: tuple[bool, ...]) -> tuple[Rule, ...]:
    """The rules that have something to say when ``there`` is what there is of the facts."""
    true = {name if is_there else f"no {name}" for name, is_there in zip(_FACTS, there, strict=True)}
    return tuple(rule for rule, about in RULES if {fact for fact in about.split(", ") if fact} <= true)


# By what there is of neard (its first three facts), and of the rest.
_ASKED = {(there[:3], *there[3:]): _asked(there) for there in product((False, True), repeat=len(_FACTS))}
