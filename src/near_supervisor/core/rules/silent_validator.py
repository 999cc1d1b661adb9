"""Rules of a signer that signs nothing: look for its approvals, say it, and make room for one that fares better.

A lease in the hands of such a node is no lease. It goes to a standby after a bounded time, but not back and forth: a
node makes room for this once in a while only, and only for one whose takeover would be no worse than its own.
"""

from __future__ import annotations

from .. import commands as cmd
from ..conditions import signing
from ..conditions.signing import Signs
from ..facts import approvals
from ..facts.approvals import Approvals, Silence
from ..facts.model import Node
from ..facts.neard import Neard
from ..facts.values import replace
from ..step import Step
from . import members, validator_key

LOOK_MS = 1_000
# A neard that was started with the key has no peers for its first seconds.
SAY_AFTER_MS = 3_000
SAY_AGAIN_MS = 30_000
# A neard that starts finds its peers within a few seconds, or it is refused.
CONNECTED_BY_MS = 10_000
# The same block gets to everybody within so long. A neard that is always some blocks behind still signs.
CATCHES_UP_MS = 2_000
CATCHES_UP_BLOCKS = 5
# Until a node that has made room does so again.
MADE_ROOM_LEASES = 10


def look(node: Node, now: int) -> Step:
    """Are its approvals in the newest blocks?"""
    neard, leadership = node.neard, node.leadership
    if (
        neard is None
        or leadership is None
        or leadership.release.reason
        or leadership.signs_at is None
        or not node.sync.synced
    ):
        return node, []
    seen = node.signing.approvals
    if seen is None or seen.term != leadership.term:
        seen = Approvals(leadership.term, max(leadership.floor.height, node.sync.height) + approvals.UNDER_WAY)
        node = replace(node, signing=replace(node.signing, approvals=seen, approvals_at=now))
    if seen.reading or now < node.signing.approvals_at or node.sync.height <= max(seen.above, seen.asked_head):
        return node, []
    asked = replace(seen, reading=True, asked_head=node.sync.height)
    node = replace(node, signing=replace(node.signing, approvals=asked, approvals_at=now + LOOK_MS))
    return node, [cmd.ReadApprovals(leadership.term, seen.above)]


def say(node: Node, now: int) -> Step:
    """That the holder of the lease signs nothing is said soon, and again and again; its end once."""
    neard, leadership, silence = node.neard, node.leadership, _silence(node)
    if neard is None or neard.misses or leadership is None or leadership.release.reason:
        return node, []
    answer, reason = signing.answer(node)
    if answer is not Signs.NO:
        return _well(node, answer, silence, now)
    if silence is None:
        silence = Silence(leadership.term, now)
        node = replace(node, signing=replace(node.signing, silence=silence))
    if now < _said_next(node, silence):
        return node, []
    node = replace(node, signing=replace(node.signing, silence=replace(silence, said_at=now)))
    lasts = f" for {(now - silence.since) / 1000:.1f} s" if now > silence.since else ""
    return node, [cmd.Log("error", f"THIS VALIDATOR SIGNS NOTHING{lasts}: {reason}{_and_stays(node, now)}")]


def _said_next(node: Node, silence: Silence) -> int:
    """A head that stands has been waited for already: that it is too old is said at once."""
    if silence.said_at is not None:
        return silence.said_at + SAY_AGAIN_MS
    return silence.since + (0 if node.sync.stands else SAY_AFTER_MS)


def _well(node: Node, answer: Signs, silence: Silence | None, now: int) -> Step:
    """Nothing is held against it: who stands by is looked at anew when something is."""
    if node.signing.silence is not None or node.cluster.standby_ready or node.cluster.standby_equal:
        node = replace(
            node,
            signing=replace(node.signing, silence=None),
            cluster=replace(node.cluster, standby_ready=False, standby_equal=False),
        )
    if silence is None or silence.said_at is None:
        return node, []
    yet = "" if answer is Signs.YES else "; whether this validator signs is not known yet"
    text = f"what kept this validator from signing is over after {(now - silence.since) / 1000:.1f} s{yet}"
    return node, [cmd.Log("info", text)]


def make_room(node: Node, now: int) -> Step:
    """For a standby, after a bounded time; without one it stays."""
    leadership, neard = node.leadership, node.neard
    if (
        leadership is None
        or leadership.release.reason
        or neard is None
        or _silence(node) is None
        or now < _patience_ends(node, neard)
    ):
        return node, []
    if not _and_stays(node, now):
        if not _asked_since_then(node):
            return node, []
        _answer, reason = signing.answer(node)
        why = f"{reason or 'it signs nothing'}, and a standby is ready"
        node = replace(
            node,
            leadership=leadership.to_be_released(why),
            signing=replace(node.signing, silence=None, made_room_at=now),
        )
        return validator_key.give_back(node, why, now)
    return members.ask(node, now)


def _asked_since_then(node: Node) -> bool:
    """Has its own neard said, since another one was ready, that it has no newer block?

    After a halt of the chain everybody gets one, and somebody is the first to be asked.
    """
    if not node.sync.stands or node.cluster.read_at is None:
        return True
    patience = max(CATCHES_UP_MS, CATCHES_UP_BLOCKS * node.settings.block_time_ms)
    return not node.poll.under_way and (node.poll.asked_at or 0) >= node.cluster.read_at + patience


def _silence(node: Node) -> Silence | None:
    """That of an earlier term says nothing."""
    silence, leadership = node.signing.silence, node.leadership
    return silence if silence is not None and leadership is not None and silence.term == leadership.term else None


def _and_stays(node: Node, now: int) -> str:
    """Why the lease stays with this node, as the rest of a sentence; "" when it does not."""
    if node.cluster.paused:
        why_not = "the cluster is paused"
    elif _made_room_lately(node, now):
        why_not = "it has made room for another one already, a short while ago"
    elif not (node.cluster.standby_ready if _was_well(node) else node.cluster.standby_equal):
        why_not = "no standby is ready"
    else:
        return ""
    return f", and {why_not}: this node stays the validator"


def _was_well(node: Node) -> bool:
    """Has it signed, and fallen behind since? Then any standby fares better."""
    return node.sync.synced_at is not None and not node.sync.synced


def _made_room_lately(node: Node, now: int) -> bool:
    at = node.signing.made_room_at
    return at is not None and not _was_well(node) and now < at + MADE_ROOM_LEASES * node.settings.lease_ms


def _patience_ends(node: Node, neard: Neard) -> int:
    """Catching up after its start takes what it takes; finding peers does not; a signer that was well has a lease."""
    lease_ms = node.settings.lease_ms
    silence = _silence(node)
    if node.sync.synced and silence is not None:
        return silence.since + lease_ms
    if node.sync.synced_at is not None:
        return node.sync.synced_at + lease_ms
    if node.sync.peers == 0:
        return neard.answered_at + max(lease_ms, CONNECTED_BY_MS)
    return neard.started_at + node.settings.startup_timeout_ms


def due(node: Node, times: list[int]) -> None:
    """When to look, to say it again, and to make room."""
    neard, leadership, silence = node.neard, node.leadership, _silence(node)
    if neard is None or not neard.armed or leadership is None or leadership.release.reason:
        return
    if leadership.signs_at is not None:
        times.append(node.signing.approvals_at)
    if silence is None:
        return
    times += (_said_next(node, silence), _patience_ends(node, neard), node.cluster.next_at)
    if node.signing.made_room_at is not None:
        times.append(node.signing.made_room_at + MADE_ROOM_LEASES * node.settings.lease_ms)
