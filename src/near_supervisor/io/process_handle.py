"""Holds on to a process that is not our child, so that its end can be seen without its parent."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from pathlib import Path

from . import clock

_POLL_MS = 200


class ProcessHandle:
    """The process that ``pid`` names now. Where pidfds cannot be had, its start time tells it from a later one."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._born = _birth(pid)
        self._fd: int | None = None
        with contextlib.suppress(OSError):
            self._fd = os.pidfd_open(pid)

    def kill(self) -> None:
        """SIGKILL; that it is gone, or not ours to kill, is no error."""
        with contextlib.suppress(OSError):
            if self._fd is not None:
                signal.pidfd_send_signal(self._fd, signal.SIGKILL)
            elif self._born is not None and _birth(self.pid) == self._born:
                os.kill(self.pid, signal.SIGKILL)

    def wait_for_end(self) -> None:
        """Return when it has ended, and hasten that: SIGKILL is sent until it has."""
        while not self._ended():
            self.kill()
        self.close()

    def close(self) -> None:
        """Let go of it."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _ended(self) -> bool:
        """Has it ended? Waits a moment before it says no."""
        if self._fd is not None:
            poller = select.poll()
            poller.register(self._fd, select.POLLIN)
            return bool(poller.poll(_POLL_MS))
        if self._born is None or _birth(self.pid) != self._born:
            return True
        clock.sleep_ms(_POLL_MS)
        return False


def _birth(pid: int) -> str | None:
    """When ``pid`` started, in the kernel's own count; None when it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]
