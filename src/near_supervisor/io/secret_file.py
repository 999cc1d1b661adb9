"""Files that a supervisor is given: what they hold, and whether a secret in one is still a secret."""

from __future__ import annotations

import stat
from pathlib import Path

from near_ha.errors import BadConfig

_MAX_BYTES = 1024 * 1024


def private(flag: str, path: Path, what: str) -> bytes:
    """What a secret's file holds; BadConfig when anybody on this host could read it."""
    content = readable(flag, path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o007:
        raise BadConfig(
            f"{flag} {path} has mode {mode:04o}: every user of this host can get at the {what}",
            f"Close it with: chmod 0400 {path}; if it was open for long, replace the {what}",
        )
    return content


def readable(flag: str, path: Path) -> bytes:
    """What a file holds, its first MiB; BadConfig when it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES)
    except FileNotFoundError:
        raise BadConfig(f"{flag} {path} does not exist", "Put the file there, or name where it is") from None
    except OSError as error:
        raise BadConfig(
            f"{flag} {path} cannot be read: {error.strerror}", "Give this process's user read access"
        ) from None
