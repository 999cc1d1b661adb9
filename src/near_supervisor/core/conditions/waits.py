"""What this node waits for before it is what it is to be, until when, and what comes then: for people."""

from __future__ import annotations

from ..facts.leadership import Leadership
from ..facts.model import Node
from ..facts.neard import Guard, Neard
from ..facts.values import dataclass
from . import election, heights, starting

# A holder that is seen to beat is waited for by nobody.
SILENT_PART_OF_A_LEASE = 4


@dataclass(frozen=True)
class Wait:
    """``what`` is waited for; ``then`` comes at ``until`` (boot time) instead (None = there is no such moment)."""

    what: str
    until: int | None = None
    then: str = ""


def of(node: Node, now: int) -> Wait | None:
    """The first thing that is missing; None for a validator that signs, and a standby beside one that beats."""
    neard = node.neard
    if neard is not None and neard.ending:
        return _for_its_end(neard)
    if node.closing is not None:
        return Wait("the lease to be given back") if node.leadership is not None else None
    if neard is None:
        return _for_a_start(node, now)
    if not neard.answered:
        works = ", which works on its start" if now >= neard.started_at + node.settings.startup_timeout_ms else ""
        return Wait(starting.missing_to_start(node) + works, starting.patience_ends(node, neard), "it is killed")
    if node.leadership is not None and not node.armed:
        return _for_the_key(node, node.leadership)
    if not node.sync.synced:
        return Wait(f"neard to be in sync ({node.sync.reason})")
    if node.session is None:
        until = starting.taken_until(node)
        return Wait(starting.missing_to_register(node), until, "this node gives up" if until is not None else "")
    return _for_the_lease(node, now) if node.leadership is None else None


def _for_its_end(neard: Neard) -> Wait:
    stopped_at, patience = neard.stopped_at, neard.patience_ms
    until = None if neard.killed or stopped_at is None or patience is None else stopped_at + patience
    return Wait(f"the end of neard {neard.pid} ({neard.ending})", until, "it is killed" if until is not None else "")


def _for_a_start(node: Node, now: int) -> Wait:
    at = node.guard_at if node.guard is Guard.DOWN else node.starts.next_at
    is_later = now < at and not node.starts.under_way and node.guard is not Guard.ATTACHING
    return Wait(starting.missing_to_start(node), at if is_later else None, "it is tried again" if is_later else "")


def _for_the_key(node: Node, leadership: Leadership) -> Wait:
    if leadership.release.reason:
        return Wait("the lease to be given back")
    if leadership.deadline is None:
        return Wait("the first heartbeat to be accepted")
    if not node.sync.synced:
        return Wait(f"neard to be in sync ({node.sync.reason})")
    if leadership.cleared:
        return Wait("neard to be given the key")
    if node.doppelganger is not None and node.doppelganger.mark is not None:
        return Wait(f"the end of whoever else signs with this key: {node.doppelganger.mark.text()}")
    if not heights.is_above(node, leadership):
        return Wait(f"a newer block: {heights.missing(node, leadership)}")
    return Wait("a look at the chain for others that sign with this key")


def _for_the_lease(node: Node, now: int) -> Wait | None:
    watch = node.candidate.watch
    if watch is None:
        return Wait("Consul to show the lease")
    silent_ms = now - watch.since
    if watch.seen.session is not None and silent_ms < node.settings.lease_ms // SILENT_PART_OF_A_LEASE:
        return None
    if node.cluster.paused:
        return Wait("the end of the pause (near-supervisor resume)") if watch.seen.session is None else None
    stands_at = election.stands_at(node)
    holder = watch.seen.holder or "its last holder"
    if stands_at is None or now >= stands_at:
        return None
    return Wait(f"the lease of {holder}, silent for {silent_ms / 1000:.0f} s", stands_at, "this node takes it")
