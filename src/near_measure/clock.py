"""The clock of the referee's log: CLOCK_BOOTTIME, shared by all processes of one machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

NS = 1_000_000_000
POLL_S = 0.03


def boot_ns() -> int:
    """Now, in nanoseconds since the machine was started."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def seconds(from_ns: int, to_ns: int) -> float:
    """From one reading to another."""
    return (to_ns - from_ns) / NS


def polls(until_ns: int, poll_s: float = POLL_S) -> Iterator[int]:
    """The time, again and again with a short rest, and a last time after `until_ns`."""
    while True:
        now = boot_ns()
        yield now
        if now > until_ns:
            return
        time.sleep(poll_s)


def wait_for(true: Callable[[], bool], timeout_s: float, poll_s: float = POLL_S) -> bool:
    """Whether `true` came to hold within `timeout_s`."""
    return any(true() for _turn in polls(boot_ns() + round(timeout_s * NS), poll_s))
