"""What the next process of this supervisor needs to go on with a signer, and what it may take from that."""

from __future__ import annotations

from ..commands import Remember
from ..facts.model import Memory, Node, Tenure
from ..facts.values import replace
from ..step import Step


def remember(node: Node, answered: bool) -> Step:
    """Keep what the next process needs to go on with the signer."""
    tenure = node.tenure
    if tenure is None:
        return node, []
    memory = Memory(tenure.session, tenure.term, tenure.floor, node.tip, answered, gives_up_after_ms(node, tenure))
    return replace(node, tenure=replace(tenure, kept=memory)), [Remember(memory)]


def gives_up_after_ms(node: Node, tenure: Tenure) -> int:
    """After which time neard gives a height up, at the least: that of a signer may have read config.json before us."""
    mine, kept = node.settings.skip_ms, tenure.kept
    return min(mine, kept.skip_ms) if kept is not None and kept.skip_ms else mine
