"""What the chain counts of one kind of work: blocks, chunks or endorsements."""

from __future__ import annotations

from .values import dataclass


@dataclass(frozen=True)
class Duty:
    """What was expected and what was produced."""

    expected: int = 0
    produced: int = 0
