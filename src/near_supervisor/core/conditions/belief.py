"""What is taken for true of a record of the lease that was read, and what of it stays known when it is gone.

The boundary says which records a member has signed. That does not say when: one that was true once can be put back.
"""

from __future__ import annotations

from near_ha.records import wire
from near_ha.records.lease_record import LeaseRecord, LeaseState

from ..commands import Log
from ..facts import key_lock
from ..facts.lease_view import Seen
from ..facts.model import Node
from ..facts.values import replace
from ..step import Step
from . import config_mismatch

SAY_DOUBT_AGAIN_MS = 30_000


def believed(node: Node, seen: Seen) -> Seen:
    """A record that is older than one that was seen, or than the last heartbeat, at a newer index: it was put back."""
    record = seen.record
    if seen.kept is not None and (seen.kept_index or 0) <= (seen.index or 0):
        # Else it is of a heartbeat that came between both reads.
        node = know(node, seen.kept)
    if record is None or (seen.index or 0) < node.believed.index or not _is_old(node, record):
        return seen
    newest = f"term {node.last_term}" if record.term < node.last_term else "a later one of its term"
    return replace(seen, record=None, claim=record, doubt=f"is put back from long ago, {newest} was seen before")


def _is_old(node: Node, record: LeaseRecord) -> bool:
    """By its term; within one by its number, which counts for its writer only, and not for a vacancy: anybody's."""
    known = node.believed.known
    if record.term != node.last_term or known is None or record.state is LeaseState.VACANT:
        return record.term < node.last_term
    one, other = (record.term, record.node_id, record.hostname), (known.term, known.node_id, known.hostname)
    return one == other and record.seq < known.seq


def claims(node: Node) -> str:
    """What is seen now and not to be believed, of the lease and of the lock of the key; "" when there is nothing."""
    texts = (
        config_mismatch.claims(node.candidate.watch.seen if node.candidate.watch else None, node.settings),
        key_lock.claims(node.candidate.key_lock, node.settings),
    )
    return "; ".join(filter(None, texts))


def doubt(node: Node, now: int) -> Step:
    """Said at once, and not with each of many; as long as it lasts it is a reason of the readiness, too."""
    text = claims(node)
    if not text or (node.believed.doubt_said_at is not None and now < node.believed.doubt_said_at + SAY_DOUBT_AGAIN_MS):
        return node, []
    return replace(node, believed=replace(node.believed, doubt_said_at=now)), [Log("error", text)]


def know(node: Node, record: LeaseRecord) -> Node:
    """Keep what the record says apart from it: an operator may delete the key, what was signed stays signed.

    And whoever wrote it may go on for as long as it said.

    A record of an older term than one that was seen says nothing about what was signed since.
    """
    newer = not _is_old(node, record) and record.state is not LeaseState.VACANT
    return replace(
        node,
        believed=replace(
            node.believed,
            known=record if newer else node.believed.known,
            height=record.height if newer else max(node.believed.height, record.height),
            # Not the newest one's: a holder whose record was deleted before it was seen here may have a longer one.
            lease_ms=max(node.believed.lease_ms, record.lease_ms),
        ),
        # A larger one is somebody's mistake or malice, and not followed: our next one must stay readable.
        last_term=max(node.last_term, record.term) if record.term < wire.MAX_COUNT else node.last_term,
    )
