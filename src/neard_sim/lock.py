"""The lock of the database: a POSIX record lock on ``data/LOCK``, as RocksDB takes it.

The file always stays; only the lock counts, and the kernel drops it with the process. This process
must never open the file a second time: closing any descriptor of it would drop the lock.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class LockHeld(Exception):
    """Another process holds the lock; the text is RocksDB's."""


def take(data_dir: Path) -> int:
    """Lock ``data_dir``/LOCK for the life of this process and return the descriptor; LockHeld if it is taken."""
    path = data_dir / "LOCK"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise LockHeld(f"IO error: While lock file: {path}: {os.strerror(error.errno or 0)}") from None
    return fd
