"""The two clocks. Decisions use boot time only; the wall clock is for ages of blocks."""

from __future__ import annotations

import time


def boot_ms() -> int:
    """Milliseconds on CLOCK_BOOTTIME: never set back, and goes on while the host sleeps."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def wall_ms() -> int:
    """Milliseconds since 1970 by this host's wall clock."""
    return time.time_ns() // 1_000_000


def sleep_ms(duration: int) -> None:
    """Let other threads run for ``duration`` milliseconds."""
    time.sleep(duration / 1000)
