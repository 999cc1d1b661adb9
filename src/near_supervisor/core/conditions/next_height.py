"""The height above the own head: may a neard that runs keyless sign anything there, once it has the key?

A whole block is won where it may not. nearcore's doomslug (chain/chain/src/doomslug.rs, ``process_timer``) counts an
approval as given also where there is no key to sign it: a target that it has used up, it does not approve again, and
after a wait it approves what is two above its head or higher. What else is signed at that height are the block and the
chunks of it, by whoever the epoch gave them to.
"""

from __future__ import annotations

from ..facts.leadership import Leadership
from ..facts.model import Node
from . import hot_takeover


def is_free(node: Node, leadership: Leadership, height: int) -> bool:
    """Does the epoch give this validator neither the block nor a chunk of ``height``, to a neard that is not restarted?

    False where that is not known. Also after a predecessor that has not said itself that it signs no more: one block
    has to be there in which the doppelganger check can look for others that sign.
    """
    reading = node.duties
    if not has_said(leadership) or reading is None or reading.asker != asker(leadership):
        return False
    if hot_takeover.against_as_it_runs(node):
        return False
    return reading.duties is not None and reading.duties.is_free(height)


def is_used_up(node: Node, height: int) -> bool:
    """Would the neard that runs have approved ``height`` already, with a key?"""
    return node.neard is not None and node.neard.target >= height


def has_said(leadership: Leadership) -> bool:
    """Has the predecessor said itself that it signs no more?"""
    return leadership.floor.end is not None and leadership.floor.end.said


def asker(leadership: Leadership) -> str:
    """By which an answer of the chain is known to be for this term."""
    return f"term {leadership.term}"
