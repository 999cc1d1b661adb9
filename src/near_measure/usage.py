"""What a process uses: CPU time and resident memory, from /proc."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
KIB = 1024
MB = 1_000_000
_UTIME, _STIME = 11, 12
"""Fields 14 and 15 of /proc/PID/stat, counted from the one after the program's name."""


@dataclass(frozen=True)
class Usage:
    """At one moment: `cpu_s` seconds of CPU by all threads so far, `resident_mb` in 10^6 bytes."""

    at_s: float
    cpu_s: float
    resident_mb: float


def parse_stat(text: str, ticks_per_s: int) -> float:
    """Seconds of CPU time from the text of /proc/PID/stat."""
    # The second field is the program's name in brackets and may hold anything.
    fields = text.rpartition(")")[2].split()
    return (int(fields[_UTIME]) + int(fields[_STIME])) / ticks_per_s


def parse_resident(text: str) -> float:
    """Resident memory in 10^6 bytes from the text of /proc/PID/status. Raises ValueError when it says nothing."""
    for line in text.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * KIB / MB
    raise ValueError("there is no VmRSS: the process has ended")


def usage(pid: int) -> Usage:
    """Of this process now. Raises OSError or ValueError when it is gone."""
    stat, status = (PROC / str(pid) / "stat").read_text(), (PROC / str(pid) / "status").read_text()
    return Usage(time.monotonic(), parse_stat(stat, os.sysconf("SC_CLK_TCK")), parse_resident(status))
