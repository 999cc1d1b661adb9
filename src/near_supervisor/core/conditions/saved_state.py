"""What the next process of this supervisor needs to go on with a signer, and what it may take from that."""

from __future__ import annotations

from ..commands import SaveState
from ..facts.leadership import Leadership, SavedState
from ..facts.model import Node
from ..facts.values import replace
from ..step import Step


def save(node: Node, answered: bool) -> Step:
    """Keep what the next process needs to go on with the signer."""
    leadership = node.leadership
    if leadership is None:
        return node, []
    memory = SavedState(
        leadership.session,
        leadership.term,
        leadership.floor.height,
        node.chain.clock,
        answered,
        gives_up_after_ms(node, leadership),
    )
    return replace(node, leadership=replace(leadership, kept=memory)), [SaveState(memory)]


def gives_up_after_ms(node: Node, leadership: Leadership) -> int:
    """After which time neard gives a height up, at the least: that of a signer may have read config.json before us."""
    mine, kept = node.settings.skip_ms, leadership.kept
    return min(mine, kept.skip_ms) if kept is not None and kept.skip_ms else mine
