"""What a process has worked: the kernel's counters."""

from __future__ import annotations

import os
from pathlib import Path

from near_supervisor.core.facts.work import Work

# Of what follows the name in /proc/PID/stat: its own time, and that of the children it has waited for.
_TIMES = slice(11, 15)
# Also what the page cache gives and takes: a database that is in memory is worked on all the same.
_MOVED = ("rchar:", "wchar:")


def of(pid: int, proc: Path = Path("/proc")) -> Work | None:
    """Of process ``pid``, with all its threads; None where the kernel does not tell. Source: proc(5)."""
    try:
        stat = (proc / str(pid) / "stat").read_text(errors="replace")
        user, system, childs_user, childs_system = map(int, stat.rpartition(")")[2].split()[_TIMES])
    except (OSError, ValueError):
        return None
    ticks = user + system + childs_user + childs_system
    return Work(ticks * 1_000 // os.sysconf("SC_CLK_TCK"), _moved_bytes(proc / str(pid) / "io"))


def _moved_bytes(file: Path) -> int:
    """0 for a process of another user: then its processor time is all that is known."""
    try:
        words = file.read_text().split()
        return sum(int(words[words.index(name) + 1]) for name in _MOVED)
    except (OSError, ValueError, IndexError):
        return 0
