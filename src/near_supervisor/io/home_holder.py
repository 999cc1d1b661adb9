"""Whose guard has neard's home, where it is not ours: two supervisors were given one home."""

from __future__ import annotations

import os
from pathlib import Path

from near_ha.errors import NearError
from near_ha.transport import control_client

ASK_S = 1.0
_MOST = 4096
_LOCKS = Path("/proc/locks")


def other(home: Path, run_dir: Path) -> str:
    """Who has ``home`` with another run directory than ``run_dir``, for people; "" where nobody does, or ours."""
    try:
        with (home / "near-guard.lock").open("rb") as file:
            pid, _newline, theirs = file.read(_MOST).decode(errors="replace").strip().partition("\n")
            if not _is_held(os.fstat(file.fileno()).st_ino, pid):
                return ""
    except OSError:
        return ""
    if not theirs or Path(theirs) == run_dir.absolute():
        return ""
    return f"the guard {pid} of {_supervisor(Path(theirs))}run directory {theirs}"


def _is_held(inode: int, pid: str) -> bool:
    """Only looked at: who tries to lock it is in the way of a guard that starts."""
    for line in _LOCKS.read_text(encoding="ascii", errors="replace").splitlines():
        words = line.split()
        if words[1:2] == ["FLOCK"] and words[4:5] == [pid] and words[5].rpartition(":")[2] == str(inode):
            return True
    return False


def _supervisor(run_dir: Path) -> str:
    try:
        status = control_client.call(run_dir / "control.sock", "GET", "/status", timeout=ASK_S)
    except NearError:
        return ""
    name, host = (status.get(field) for field in ("node_id", "hostname"))
    return f"node {name!r} on host {host!r}, " if isinstance(name, str) and isinstance(host, str) else ""
