"""What this program says, and where to: its own log, which is neard's, too."""

from __future__ import annotations

import contextlib
import json
import os


def say(level: str, message: str) -> None:
    """One line for the log. A log that cannot be written to must not end the guard."""
    line = f'level={level} pid={os.getpid()} message={json.dumps(message)} target="near_guard"\n'
    with contextlib.suppress(OSError):
        os.write(2, line.encode())


def write_to(log: str) -> None:
    """Append this program's output, and that of the neards it starts from now on, to ``log``."""
    fd = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.close(fd)
