"""A neard that works and does not answer is left to its start, and that is said: it may migrate its database."""

from __future__ import annotations

from .. import commands as cmd
from ..conditions import starting
from ..facts.model import Node
from ..facts.neard import Neard
from ..facts.values import replace
from ..step import Step

SAY_AGAIN_MS = 600_000


def say(node: Node, neard: Neard, now: int) -> Step:
    """Once the ordinary time is over, and again every ten minutes."""
    if now < said_next(neard):
        return node, []
    left_s = (neard.started_at + starting.limit_ms(node.settings) - now) / 1000
    text = (
        f"neard {neard.pid} has not answered for {(now - neard.started_at) / 1000:.0f} s since its start, and works: it"
        f" may migrate its database, so it is left to that, for {left_s:.0f} s more at the most (--startup-limit). Do"
        " not stop it: a migration that is interrupted may spoil the database"
    )
    return replace(node, neard=replace(neard, slow_said_at=now)), [cmd.Log("warn", text)]


def said_next(neard: Neard) -> int:
    """When it is to be said; 0 = it was not yet."""
    return 0 if neard.slow_said_at is None else neard.slow_said_at + SAY_AGAIN_MS
