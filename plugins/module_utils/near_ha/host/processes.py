"""What /proc says of this host's processes."""

from __future__ import annotations

import os
import time
from pathlib import Path


def pids() -> list[int]:
    """All processes of this host."""
    return sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())


def started_at(pid: int) -> float | None:
    """When a process started, on the wall clock as it is now; None when it has ended."""
    try:
        ticks = int(_stat(pid)[19])
    except (OSError, ValueError, IndexError):
        return None
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return time.time() - age


def words(pid: int) -> list[str]:
    """A process's command line."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def child_of(pid: int) -> int:
    """The child of a process; 0 when it has none."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0
    return int(children[0]) if children else 0


def parent_of(pid: int) -> int:
    """The parent of a process; 0 when it has ended."""
    try:
        return int(_stat(pid)[1])
    except (OSError, ValueError, IndexError):
        return 0


def _stat(pid: int) -> list[str]:
    """From the state on: before it stands a name, in which there may be anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
