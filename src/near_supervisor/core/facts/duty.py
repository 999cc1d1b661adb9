"""What the chain counts of one kind of work: blocks, chunks or endorsements."""

from __future__ import annotations

from .values import dataclass


@dataclass(frozen=True)
class Duty:
    """What was owed and what was made of it."""

    owed: int = 0
    made: int = 0
