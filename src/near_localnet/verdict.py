"""What the simulation's referee says of the signatures so far."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Verdict:
    """`clean`: nothing was signed twice, and no two processes held the key at one time."""

    clean: bool
    text: str


def read(log: Path) -> Verdict | None:
    """The verdict on this log; None when there is none, as with a real neard."""
    return None
