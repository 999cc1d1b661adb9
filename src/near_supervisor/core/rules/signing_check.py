"""Rules of a signer about the proof that it signs: look at the chain's counters, tell, and raise the alarm.

Nothing here ends a leadership: a validator that changes places because nothing of it arrives would flap, and the next
one may fare no better. A person has to look.
"""

from __future__ import annotations

from .. import commands as cmd
from ..facts import early_kickout
from ..facts.model import Node
from ..facts.signing_check import Proof
from ..facts.values import replace
from ..step import Step

# neard goes through all validators to answer.
LOOK_MS = 5_000
LOOK_AGAIN_MS = 30_000
TELL_AFTER_MS = 60_000
ALARM_EVERY_MS = 60_000
FEW_SAID_EVERY_MS = 600_000


def look(node: Node, now: int) -> Step:
    """What has the chain counted of this validator?"""
    leadership = node.leadership
    if (
        leadership is None
        or leadership.signs_at is None
        or leadership.release_reason
        or node.proof_reading
        or now < node.proof_at
    ):
        return node, []
    proof = _of_this_term(node)
    pause = LOOK_AGAIN_MS if proof is not None and proof.told and not proof.missing else LOOK_MS
    return replace(node, proof_reading=True, proof_at=now + pause), [cmd.ReadCounters(leadership.term)]


def tell(node: Node, now: int) -> Step:
    """Once in a term, when of each kind something was made or missing, or after a minute."""
    proof = _of_this_term(node)
    if proof is None or proof.told or not (proof.known or now >= proof.since + TELL_AFTER_MS):
        return node, []
    text = proof.text()
    node = replace(node, proof=replace(proof, told=True))
    return node, [cmd.Say("info", f"on the chain since this node signs: {text}"), cmd.NoteProof(proof.term, text)]


def alarm(node: Node, now: int) -> Step:
    """What is owed and does not arrive is said again and again, its end once."""
    proof = _of_this_term(node)
    if proof is None or (not proof.missing and proof.said_at is None):
        return node, []
    if not proof.missing:
        text = f"what this node signs arrives on the chain again: {proof.text()}"
        return replace(node, proof=replace(proof, said_at=None)), [cmd.Say("info", text)]
    if proof.said_at is not None and now < proof.said_at + ALARM_EVERY_MS:
        return node, []
    text = (
        f"the chain takes no {' and no '.join(proof.missing)} of this validator, though others' blocks flow"
        f" ({proof.text()} since it signs). It stays the validator. Is its network address reachable, does its neard"
        " keep the shards of the account, is its key the one of this epoch?"
    )
    return replace(node, proof=replace(proof, said_at=now)), [cmd.Say("error", text)]


def _of_this_term(node: Node) -> Proof | None:
    proof, leadership = node.proof, node.leadership
    return proof if proof is not None and leadership is not None and proof.term == leadership.term else None


def doppelganger(node: Node, now: int) -> Step:
    """Somebody else who makes blocks or chunks with this key is the worst that can be: it is said again and again."""
    proof = _of_this_term(node)
    if proof is None or not proof.foreign:
        return node, []
    if proof.foreign_said_at is not None and now < proof.foreign_said_at + ALARM_EVERY_MS:
        return node, []
    text = (
        f"SOMEBODY ELSE SIGNS WITH THIS KEY: the chain has {' and '.join(proof.foreign)} since this node signs. Find"
        " the host that has the key and is no member of this cluster, and stop its neard; this node signs on"
    )
    return replace(node, proof=replace(proof, foreign_said_at=now)), [cmd.Say("error", text)]


def warn_of_kickout(node: Node, now: int) -> Step:
    """Few chunks may still be missed: whoever was about to restart a host should know."""
    proof = _of_this_term(node)
    if proof is None or proof.chunks_left is None or proof.chunks_left > early_kickout.FEW:
        return node, []
    if proof.few_said_at is not None and now < proof.few_said_at + FEW_SAID_EVERY_MS:
        return node, []
    text = (
        f"this validator may miss {proof.chunks_left} more chunks of a shard in this epoch: from then on a chain with"
        " early kickout (NEP-652) gives its chunks to others until the epoch ends. Leave planned work for the next one"
    )
    return replace(node, proof=replace(proof, few_said_at=now)), [cmd.Say("warn", text)]


def due(node: Node, times: list[int]) -> None:
    """When to look, to tell, to say it again."""
    if node.leadership is None or node.leadership.signs_at is None or node.leadership.release_reason:
        return
    if not node.proof_reading:
        times.append(node.proof_at)
    proof = _of_this_term(node)
    if proof is not None:
        times.append(proof.since + TELL_AFTER_MS)
        if proof.foreign_said_at is not None:
            times.append(proof.foreign_said_at + ALARM_EVERY_MS)
        if proof.said_at is not None:
            times.append(proof.said_at + ALARM_EVERY_MS)
        if proof.few_said_at is not None:
            times.append(proof.few_said_at + FEW_SAID_EVERY_MS)
