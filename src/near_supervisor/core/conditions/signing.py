"""Does what this validator signs get into the blocks that others make? Yes, no, or it cannot be told.

A neard without peers goes on "validating" for ever: it has the key, the lease and a head, and nothing of it arrives.
After a host that vanished that is what a neard looks like that was started with the key
(docs/explanation/hot-takeover.md).
"""

from __future__ import annotations

from enum import Enum

from ..facts.model import Node
from . import hot_takeover

# So many blocks of others in a row have none. An approval that comes late is in no block: on a real neard, 3 of 15.
SILENT_BLOCKS = 6


class Signs(Enum):
    """``NO`` is known, ``UNKNOWN`` is neither."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


def answer(node: Node) -> tuple[Signs, str]:
    """Of a node with an armed neard: does it sign, and what is the reason for a no, or for not knowing."""
    neard = node.neard
    if neard is None or not neard.answered or neard.misses or node.sync.advanced_at is None:
        return Signs.UNKNOWN, "neard does not answer"
    if not node.sync.synced:
        return Signs.NO, node.sync.reason
    if node.sync.peers == 0:
        return Signs.NO, "neard has no peers"
    if hot_takeover.confirmed_by(neard) is not None:
        return Signs.UNKNOWN, "neard has not shown the key yet"
    return _by_blocks(node)


def _by_blocks(node: Node) -> tuple[Signs, str]:
    seen, leadership = node.signing.approvals, node.leadership
    own = seen.own if seen is not None and leadership is not None and seen.term == leadership.term else None
    if own is None:
        return Signs.UNKNOWN, "no block made by others has been looked at since it signs"
    if not own.seated:
        return Signs.UNKNOWN, "it makes no blocks in this epoch, so that its approvals are in none"
    if own.without >= SILENT_BLOCKS:
        return Signs.NO, f"none of the last {own.without} blocks of others has an approval of this validator"
    if own.height is None:
        return Signs.UNKNOWN, "too few blocks of others since it signs"
    return Signs.YES, ""
