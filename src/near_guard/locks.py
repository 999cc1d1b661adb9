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


def hold(path: str, run_dir: str) -> int:
    """An exclusive flock on ``path`` for the life of this process; Refused when another guard has it, and with whose.

    In the file is who holds it, or held it last: its pid, and on a line of its own its run directory.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        pid, _newline, other = os.pread(fd, 4096, 0).decode(errors="replace").strip().partition("\n")
        os.close(fd)
        whose = f", process {pid} with run directory {other}" if other else ""
        raise Refused(f"another near-guard holds {path}{whose}; this one has run directory {run_dir}") from None
    # A full disk costs the name, and no guard.
    with contextlib.suppress(OSError):
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n{os.path.abspath(run_dir)}\n".encode(errors="replace"), 0)
    return fd
