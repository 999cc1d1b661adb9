"""One row of the demo's table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DemoGap:
    """The gap that one event made (from the last signature before to the first after), and its bound. Seconds."""

    event: str
    before: str
    after: str
    seconds: float
    bound_s: float

    @property
    def held(self) -> bool:
        """Whether the gap kept its bound."""
        return self.seconds <= self.bound_s
