"""Facts become commands: rules applied in order, each a function of (facts, now).

A rule looks at what is known, and marks what it has asked for in the facts, so that applying it again
asks for nothing twice. The order matters in two respects: what ends a signer stands before everything that
starts or prolongs one, and no rule makes an earlier one act, so that once through them is enough. Where a rule changes
what others are asked about (a neard that may sign now, the way out), ``step`` comes by again.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

from ..commands import Command
from ..facts.model import Node
from ..step import Step
from . import (
    doppelganger,
    duties,
    fencing,
    height,
    kuutamods_way,
    lease,
    pre_takeover,
    promotion,
    readiness,
    run_dir,
    session,
    shutdown,
    signing_check,
    silent_validator,
    switchover,
    validator_key,
)
from . import neard as neard_rules


def decide(node: Node, now: int, out: list[Command]) -> Node:
    """Apply every rule once; what they want is added to ``out``."""
    for rule in asked(node):
        node, commands = rule(node, now)
        if commands:
            out += commands
    return node


def asked(node: Node) -> tuple[Rule, ...]:
    """The rules that may have something to say to these facts."""
    neard = node.neard
    process = (False, False, False) if neard is None else (True, neard.armed, neard.answered)
    request = node.switchover.request is not None and node.switchover.request.open
    return _ASKED[process, node.leadership is not None, node.session is not None, request, node.closing is not None]


def wakeups(node: Node, now: int) -> list[int]:
    """The instants after ``now`` at which time alone makes a rule act."""
    times: list[int] = []
    for due in DUES:
        due(node, times)
    return [time for time in times if time > now]


Rule = Callable[[Node, int], Step]
Due = Callable[[Node, list[int]], None]

_FACTS = ("neard", "signer", "answer", "leadership", "session", "request", "closing")
# Each rule with what there has to be for it to have something to say, so that it is not even asked without that.
RULES: tuple[tuple[Rule, str], ...] = (
    (fencing.end_signer_without_lease, "signer, no leadership"),
    (fencing.end_signer_at_deadline, "signer, leadership"),
    (fencing.end_standby_that_shows_a_key, "answer, no signer"),
    (fencing.end_signer_with_another_key, "signer, answer"),
    (fencing.end_neard_that_hangs, "answer"),
    (fencing.end_neard_that_never_gets_ready, "neard, no answer"),
    (validator_key.end_signer_without_its_key, "signer"),
    (validator_key.confirm, "signer, answer"),
    (fencing.stop_when_starts_fail, "no neard"),
    (fencing.stop_when_starts_are_refused, "no neard"),
    (run_dir.end, "no closing"),
    (silent_validator.say, "signer, answer, leadership"),
    (silent_validator.make_room, "signer, answer, leadership"),
    (switchover.hand_over, "leadership, request"),
    (shutdown.wind_down, "closing"),
    (neard_rules.attach_guard, "no neard"),
    (lease.heartbeat, "leadership"),
    (height.account, "leadership, no signer"),
    (duties.read, "answer, leadership, no signer"),
    (doppelganger.look, "answer, no signer"),
    (doppelganger.overrule, "leadership, request, no signer"),
    (doppelganger.rest, "leadership, no signer"),
    (doppelganger.make_room, "leadership, no signer"),
    (doppelganger.alarm, "leadership, no signer"),
    (promotion.clear_to_sign, "leadership, no signer"),
    (promotion.promote, "leadership, no signer"),
    # After all that may end a leadership, and before its lease is given back: who had it before is to have it again.
    (switchover.fail, "leadership, request"),
    (switchover.stop_for_successor, "signer, leadership"),
    (lease.release, "leadership"),
    (validator_key.renew, "answer, no signer, no leadership, no closing"),
    (kuutamods_way.leave, "neard, no signer"),
    (neard_rules.start_standby, "no neard"),
    (neard_rules.poll_neard, "neard"),
    # After all that may stop it.
    (neard_rules.watch_end, "neard"),
    (session.register, "no session"),
    (session.renew_session, "session"),
    (readiness.judge, ""),
    # It is said at once that it is asked.
    (pre_takeover.ask, "session, no leadership, request"),
    (session.publish_member, "session"),
    (switchover.prove, "signer, answer, leadership"),
    (silent_validator.look, "signer, answer, leadership"),
    (signing_check.look, "signer, answer, leadership"),
    (signing_check.tell, "signer, leadership"),
    (signing_check.alarm, "signer, leadership"),
    (signing_check.doppelganger, "signer, leadership"),
    (signing_check.warn_of_kickout, "signer, leadership"),
    (switchover.answer_request, "leadership, request"),
    (switchover.conclude, "leadership, request"),
    (switchover.call_off, "session, request"),
    (lease.acquire, "session, no leadership"),
    (readiness.look_at_members, "session, no leadership"),
    (readiness.complain, "no leadership"),
    (readiness.forget, "leadership"),
    (shutdown.leave, "closing"),
)

# What each of these files waits for.
DUES: tuple[Due, ...] = (
    fencing.due,
    silent_validator.due,
    neard_rules.due,
    validator_key.due,
    kuutamods_way.due,
    session.due,
    lease.due,
    promotion.due,
    switchover.due,
    readiness.due,
    run_dir.due,
    signing_check.due,
    doppelganger.due,
    shutdown.due,
)


def _those(there: tuple[bool, ...]) -> tuple[Rule, ...]:
    """The rules that have something to say when ``there`` is what there is of the facts."""
    true = {name if is_there else f"no {name}" for name, is_there in zip(_FACTS, there, strict=True)}
    return tuple(rule for rule, about in RULES if {fact for fact in about.split(", ") if fact} <= true)


# By what there is of neard (its first three facts), and of the rest.
_ASKED = {(there[:3], *there[3:]): _those(there) for there in product((False, True), repeat=len(_FACTS))}
