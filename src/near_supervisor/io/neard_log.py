"""The log of a guard of our own and of its neard: bounded, though both write into it by a descriptor that they keep.

They append, so that a file that is cut short goes on at its new end. What it had is kept in ``neard.log.1``; only what
is written between the last read and the cut, microseconds, is lost. A file that was removed is bounded all the same, as
long as somebody writes into it. Where the guard is a service, its output is the service manager's.
"""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path

log = logging.getLogger("near_supervisor")

NAME = "neard.log"
_CHUNK = 1024 * 1024


def bound(run_dir: Path, pid: int, most_bytes: int, proc: Path = Path("/proc")) -> None:
    """Let what the output of ``pid`` fills in ``run_dir``, and what is kept of it, be ``most_bytes`` at the most.

    Does nothing where that output goes elsewhere. What cannot be kept is given up, with a word in the log.
    """
    path = Path(os.path.realpath(run_dir)) / NAME
    output = proc / str(pid) / "fd" / "1"
    try:
        if str(output.readlink()) not in (str(path), f"{path} (deleted)"):
            return
        fd = os.open(output, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if os.fstat(fd).st_size > most_bytes // 2:
            _cut(fd, path.with_name(f"{NAME}.1"), most_bytes // 2)
    finally:
        os.close(fd)


def _cut(fd: int, kept: Path, most_bytes: int) -> None:
    try:
        _keep(fd, kept, most_bytes)
    except OSError as error:
        with contextlib.suppress(OSError):
            kept.unlink()
        log.warning("the old part of %s could not be kept as %s: %s", NAME, kept, error.strerror)
    os.ftruncate(fd, 0)


def _keep(fd: int, kept: Path, most_bytes: int) -> None:
    """The last ``most_bytes`` of the file; what is there of ``kept`` makes room first."""
    at = max(0, os.fstat(fd).st_size - most_bytes)
    with open(kept, "wb", opener=lambda name, flags: os.open(name, flags, 0o640)) as file:
        while chunk := os.pread(fd, _CHUNK, at):
            file.write(chunk)
            at += len(chunk)
