"""The only place of this package that reads a clock."""

from __future__ import annotations

import os
import time
from pathlib import Path

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
REEXEC_VARIABLE = "NEARD_SIM_REEXEC_BOOT_NS"
"""Set before the process re-executes itself: /proc keeps the first start time across execve()."""


def wall_ns() -> int:
    """Nanoseconds since 1970; what block timestamps are made of."""
    return time.time_ns()


def boot_ns() -> int:
    """Nanoseconds of CLOCK_BOOTTIME: comparable between all processes of one host, never set back."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def process_age_ms() -> float:
    """Milliseconds since this process was started or re-executed itself; 10 ms granularity."""
    reexec = os.environ.get(REEXEC_VARIABLE)
    if reexec is not None:
        started_ns = int(reexec)
    else:
        # The command name, field 2, may hold blanks and brackets: count from its closing one.
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        started_ns = int(fields[19]) * NS_PER_S // os.sysconf("SC_CLK_TCK")
    return max(0.0, (boot_ns() - started_ns) / NS_PER_MS)


def rfc3339(timestamp_ns: int) -> str:
    """``timestamp_ns`` (since 1970) as UTC text with nanoseconds, as neard writes it."""
    seconds, nanos = divmod(timestamp_ns, NS_PER_S)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{nanos:09d}Z"
