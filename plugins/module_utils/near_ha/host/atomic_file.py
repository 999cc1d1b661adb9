"""A file that has its name only when it is whole, is on the disk, and has its owner and mode."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def place(path: Path, content: bytes, mode: int, owner: tuple[int, int] | None = None, *, replace: bool) -> None:
    """Put ``content`` at ``path``, owned by ``owner`` (user and group id, -1 as it is).

    Nobody but its maker can open it before it has its owner and mode, whatever the umask. Without ``replace``
    FileExistsError if something, a dangling link included, has the name by then. Raises OSError.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if owner is not None:
                os.fchown(descriptor, *owner)
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        if replace:
            Path(temporary).replace(path)
        else:
            # Unlike a rename, a second name is refused when it is taken.
            os.link(temporary, path, follow_symlinks=False)
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """What was named, renamed or removed in ``directory`` outlives a loss of power. Raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
