"""Could this node take over now?"""

from __future__ import annotations

from near_ha.states import State

from .model import Node


def unready(node: Node) -> str:
    """Why this node could not take over now; "" when it could."""
    if node.state is not State.VOTING:
        return f"is {node.state.value}"
    if not node.sync.synced:
        return node.sync.reason
    return node.objection if node.objection.startswith("validator key") else ""
