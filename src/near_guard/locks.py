"""Who has a file: neard its data directory, a guard its home and its run directory."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct

from .request import Refused

# struct flock on 64-bit Linux: l_type, l_whence, l_start, l_len, l_pid.
_FLOCK = "hhqqi4x"


def lock_holder(path: str) -> int | None:
    """Pid that holds a record lock on ``path`` (neard's ``data/LOCK``), None when nobody does.

    F_GETLK only looks. The file itself says nothing: RocksDB never removes it.
    """
    try:
        fd = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        request = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _whence, _start, _length, pid = struct.unpack(_FLOCK, fcntl.fcntl(fd, fcntl.F_GETLK, request))
    finally:
        os.close(fd)
    return None if kind == fcntl.F_UNLCK else int(pid)


def describe(pid: int) -> str:
    """Process ``pid`` for people: its number and command line, as far as they can be seen."""
    if pid <= 0:
        return "a process outside this container"
    with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
        words = file.read(300).replace(b"\0", b" ").decode(errors="replace").strip()
        return f"process {pid} ({words})"
    return f"process {pid}"


def refuse_held(lock: str) -> None:
    """Refused when a process has neard's data directory, whoever has started it."""
    holder = lock_holder(lock)
    if holder is not None:
        raise Refused(
            f"{describe(holder)} holds {lock}, neard's data directory is in use. Stop that process;"
            " never delete LOCK, it is free as soon as the process has ended"
        )


def hold(path: str) -> int:
    """An exclusive flock on ``path`` for the life of this process; Refused when another guard has it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise Refused(f"another near-guard holds {path}") from None
    return fd
