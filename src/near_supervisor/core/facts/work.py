"""What a process has worked since it began: how one that is busy without an answer is told from one that hangs."""

from __future__ import annotations

from .values import dataclass

# One that hangs wakes up now and then, and writes a line: less than a twentieth of a processor, and of a mebibyte.
BUSY_PART = 20
BUSY_BYTES = 1 << 20


@dataclass(frozen=True)
class Work:
    """Counters that only grow: milliseconds of processor time, and bytes read and written (files and log)."""

    cpu_ms: int
    moved_bytes: int

    def is_more_than(self, before: Work, within_ms: int) -> bool:
        """Is this more than a process does that hangs for ``within_ms``?"""
        return (
            self.cpu_ms - before.cpu_ms >= within_ms // BUSY_PART or self.moved_bytes - before.moved_bytes >= BUSY_BYTES
        )
