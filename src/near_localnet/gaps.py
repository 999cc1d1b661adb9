"""How long nobody signed: from the last signature of one process to the first of the next, out of the referee's log."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DemoGap:
    """The gap that one event of the demo made, and the bound it had to keep."""

    event: str
    before: str
    after: str
    seconds: float
    bound_s: float

    @property
    def held(self) -> bool:
        """Whether the gap kept its bound."""
        return self.seconds <= self.bound_s
