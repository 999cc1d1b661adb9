"""Does Consul reach this node: what only Consul tells counts as known as long as it answers.

That it does not keeps a node from nothing: it cannot acquire anything meanwhile, and may as soon as there is an answer.
It is shown to who looks at this very node, and is no part of its member record, which nobody could write.
"""

from __future__ import annotations

from ..facts import lease
from ..facts.model import Node

NAME = "consul"


def unheard_ms(node: Node, now: int) -> int | None:
    """For how long Consul has told nothing, milliseconds; None while it answers."""
    heard_at = node.consul.silent_since if node.consul.heard_at is None else node.consul.heard_at
    if heard_at is None or now - heard_at <= lease.unheard_after_ms(node.settings.lease_ms):
        return None
    return now - heard_at


def against(node: Node, now: int) -> str:
    """What it means for a takeover, a clause for people; "" while Consul answers."""
    silent_ms = unheard_ms(node, now)
    if silent_ms is None:
        return ""
    return f"Consul has not answered for {silent_ms / 1000:.1f} s: who validates is not known here"
