"""What holds for the whole cluster: the JSON value of the key ``config``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from . import wire


@dataclass(frozen=True)
class ClusterConfig:
    """``paused``: no role changes by itself. Who paused or resumed, why, and when (wall clock, milliseconds)."""

    paused: bool = False
    by: str = ""
    reason: str = ""
    at_ms: int = 0

    def to_json(self) -> str:
        """The value as it is stored."""
        return json.dumps(asdict(self))


NOT_PAUSED = ClusterConfig()


def parse(raw: bytes) -> ClusterConfig:
    """The configuration stored as ``raw``; BadRecord when it is none. What a later version adds is not looked at."""
    fields = wire.fields(raw, "cluster configuration")
    return ClusterConfig(
        paused=fields.flag("paused"),
        by=fields.text("by"),
        reason=fields.text("reason"),
        at_ms=fields.count("at_ms", default=0),
    )
