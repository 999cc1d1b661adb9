"""What an installer sees of a home of neard: its files, its validator key, and the neard that runs on it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import BadConfig, BadKey
from ..keys import key_file
from . import relaxed_json

CONFIG = "config.json"
_FLOCK = "hhqqi4x"  # struct flock on 64-bit Linux: l_type, l_whence, l_start, l_len, l_pid


@dataclass(frozen=True)
class LeftKey:
    """A validator key that lies in a home as a file of its own; the guard and kuutamod only put links there."""

    path: Path
    account_id: str
    public_key: str

    def __str__(self) -> str:
        """For people; nothing secret."""
        whose = f"account {self.account_id!r}, {self.public_key}" if self.public_key else "not readable as a key"
        return f"{self.path} ({whose})"


def read_config(home: Path) -> dict[str, Any]:
    """``config.json`` of ``home``, empty if there is none; BadConfig if it cannot be used."""
    path = home / CONFIG
    try:
        document = relaxed_json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BadConfig(f"{path} cannot be used: {error}", "Mend it by hand; nothing was changed") from None
    if not isinstance(document, dict):
        raise BadConfig(f"{path} does not hold a JSON object", "Mend it by hand; nothing was changed")
    return document


def named(home: Path, config: dict[str, Any], key: str, default: str) -> Path:
    """The path that ``config`` gives for ``key``, as neard joins it to its home."""
    value = config.get(key)
    return home / (value if isinstance(value, str) and value else default)


def data_dir(home: Path, config: dict[str, Any]) -> Path:
    """Where neard keeps its database."""
    store = config.get("store")
    return named(home, store if isinstance(store, dict) else {}, "path", "data")


def is_empty(directory: Path) -> bool:
    """Whether nothing is in ``directory``, or it is not there."""
    try:
        return next(directory.iterdir(), None) is None
    except FileNotFoundError:
        return True


def left_key(home: Path, config: dict[str, Any]) -> LeftKey | None:
    """The validator key that lies in ``home`` as a real file. A symbolic link is the guard's (or kuutamod's)."""
    path = named(home, config, "validator_key_file", "validator_key.json")
    if path.is_symlink() or not path.exists():
        return None
    try:
        found = key_file.read(path)
    except BadKey:
        return LeftKey(path, "", "")
    return LeftKey(path, found.account_id, found.public_key)


def lock_holder(lock: Path) -> int | None:
    """The process that holds neard's lock on its database, None if there is none; 0 if it is in another container."""
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _whence, _start, _length, pid = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
    finally:
        os.close(descriptor)
    return None if kind == fcntl.F_UNLCK else int(pid)


def newer_than(paths: list[Path], moment: float) -> list[str]:
    """Those of ``paths`` put in place after ``moment``, with a second of grace: the clock may have been set since."""
    found = []
    for path in paths:
        with contextlib.suppress(OSError):
            if path.stat().st_ctime > moment + 1:
                found.append(str(path))
    return found
