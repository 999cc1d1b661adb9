"""The rule behind ``/health``."""

from __future__ import annotations

from . import clock
from .node import RunningNode

_MAX_AGE_IN_DELAYS = 10


def fault(node: RunningNode) -> str:
    """Why the node is not healthy, in RPC's words; an empty text if it is."""
    if node.sync.syncing:
        return "NODE_IS_SYNCING"
    if clock.wall_ns() - node.chain.head.block.timestamp_ns > _MAX_AGE_IN_DELAYS * node.config.max_delay:
        return "NO_NEW_BLOCKS"
    return ""
