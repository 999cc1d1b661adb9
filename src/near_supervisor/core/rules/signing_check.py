"""Rules of a signer about whether what it signs arrives: look at the chain's counters, tell, and raise the alarm.

Nothing here ends a leadership: a validator that changes places because nothing of it arrives would flap, and the next
one may fare no better. A person has to look.
"""

from __future__ import annotations

from .. import commands as cmd
from ..facts import early_kickout
from ..facts.model import Node
from ..facts.signing_check import SigningCheck
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
        or leadership.release.reason
        or node.signing.checking
        or now < node.signing.check_at
    ):
        return node, []
    check = _of_this_term(node)
    pause = LOOK_AGAIN_MS if check is not None and check.told and not check.missing else LOOK_MS
    return replace(node, signing=replace(node.signing, checking=True, check_at=now + pause)), [
        cmd.ReadCounters(leadership.term)
    ]


def tell(node: Node, now: int) -> Step:
    """Once in a term, when of each kind something was made or missing, or after a minute."""
    check = _of_this_term(node)
    if check is None or check.told or not (check.known or now >= check.since + TELL_AFTER_MS):
        return node, []
    text = check.text()
    node = replace(node, signing=replace(node.signing, check=replace(check, told=True)))
    return node, [
        cmd.Log("info", f"on the chain since this node signs: {text}"),
        cmd.RecordSigningCheck(check.term, text),
    ]


def alarm(node: Node, now: int) -> Step:
    """What is owed and does not arrive is said again and again, its end once."""
    check = _of_this_term(node)
    if check is None or (not check.missing and check.said_at is None):
        return node, []
    if not check.missing:
        text = f"what this node signs arrives on the chain again: {check.text()}"
        return replace(node, signing=replace(node.signing, check=replace(check, said_at=None))), [cmd.Log("info", text)]
    if check.said_at is not None and now < check.said_at + ALARM_EVERY_MS:
        return node, []
    text = (
        f"the chain takes no {' and no '.join(check.missing)} of this validator, though others' blocks flow"
        f" ({check.text()} since it signs). It stays the validator. Is its network address reachable, does its neard"
        " keep the shards of the account, is its key the one of this epoch?"
    )
    return replace(node, signing=replace(node.signing, check=replace(check, said_at=now))), [cmd.Log("error", text)]


def _of_this_term(node: Node) -> SigningCheck | None:
    check, leadership = node.signing.check, node.leadership
    return check if check is not None and leadership is not None and check.term == leadership.term else None


def doppelganger(node: Node, now: int) -> Step:
    """Somebody else who makes blocks or chunks with this key is the worst that can be: it is said again and again."""
    check = _of_this_term(node)
    if check is None or not check.foreign:
        return node, []
    if check.foreign_said_at is not None and now < check.foreign_said_at + ALARM_EVERY_MS:
        return node, []
    text = (
        f"SOMEBODY ELSE SIGNS WITH THIS KEY: the chain has {' and '.join(check.foreign)} since this node signs. Find"
        " the host that has the key and is no member of this cluster, and stop its neard; this node signs on"
    )
    return replace(node, signing=replace(node.signing, check=replace(check, foreign_said_at=now))), [
        cmd.Log("error", text)
    ]


def warn_of_kickout(node: Node, now: int) -> Step:
    """Few chunks may still be missed: whoever was about to restart a host should know."""
    check = _of_this_term(node)
    if check is None or check.chunks_left is None or check.chunks_left > early_kickout.FEW:
        return node, []
    if check.few_said_at is not None and now < check.few_said_at + FEW_SAID_EVERY_MS:
        return node, []
    text = (
        f"this validator may miss {check.chunks_left} more chunks of a shard in this epoch: from then on a chain with"
        " early kickout (NEP-652) gives its chunks to others until the epoch ends. Leave planned work for the next one"
    )
    return replace(node, signing=replace(node.signing, check=replace(check, few_said_at=now))), [cmd.Log("warn", text)]


def due(node: Node, times: list[int]) -> None:
    """When to look, to tell, to say it again."""
    if node.leadership is None or node.leadership.signs_at is None or node.leadership.release.reason:
        return
    if not node.signing.checking:
        times.append(node.signing.check_at)
    check = _of_this_term(node)
    if check is not None:
        times.append(check.since + TELL_AFTER_MS)
        if check.foreign_said_at is not None:
            times.append(check.foreign_said_at + ALARM_EVERY_MS)
        if check.said_at is not None:
            times.append(check.said_at + ALARM_EVERY_MS)
        if check.few_said_at is not None:
            times.append(check.few_said_at + FEW_SAID_EVERY_MS)
