"""What the machine has for neard: space for its data, and open files."""

from __future__ import annotations

import os
from pathlib import Path

_OPEN_FILES = "Max open files"


def disk_free_bytes(directory: Path) -> int | None:
    """Bytes that may still be written where ``directory`` is, or will be; None when nobody can say."""
    for place in (directory, *directory.parents):
        try:
            found = os.statvfs(place)
        except FileNotFoundError:
            continue
        except OSError:
            return None
        return found.f_bavail * found.f_frsize
    return None


def nofile(pid: int, proc: Path = Path("/proc")) -> int | None:
    """The hard limit of open files of process ``pid``; None where there is none to tell."""
    try:
        lines = (proc / str(pid) / "limits").read_text(errors="replace").splitlines()
    except OSError:
        return None
    words = next((line[len(_OPEN_FILES) :].split() for line in lines if line.startswith(_OPEN_FILES)), [])
    # Soft, hard, unit. The kernel knows no unlimited number of open files.
    hard = words[1] if len(words) > 1 else ""
    return int(hard) if hard.isascii() and hard.isdecimal() else None
