"""The supervisor's own directory: what its successor needs after a crash.

``instance`` is a random name kept across restarts: it tells a restarted node from a second one that was
given the same node id. ``leadership.json`` holds the session and term under which neard was armed, and with which
settings, ``index`` the largest index of Consul and the largest term that were seen.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import TextIO

from near_ha.errors import BadConfig
from near_supervisor.core.facts.chain_clock import ChainClock
from near_supervisor.core.facts.leadership import SavedState

# A unix socket's path is bounded by the kernel; guard.sock and control.sock lie in here.
_MAX_SOCKET_PATH = 100
_MAX_DIGITS = 19
# A memory of a leadership and its successor fit in.
_LITTLE_BYTES = 16 * 1024
_INSTANCE = re.compile(r"[0-9a-f]{16}")
NONE_KEPT: Mapping[str, str] = MappingProxyType({})


class RunDir:
    """An existing, private directory, held by one supervisor at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = self._take()
        self._kept_seen = self.seen()
        self.instance = self._instance()

    def _take(self) -> TextIO:
        """Make the directory where there is none, and be the only supervisor in it."""
        path = self.path
        try:
            path.mkdir(mode=0o750, parents=True, exist_ok=True)
            with contextlib.ExitStack() as undo:
                lock = undo.enter_context((path / "supervisor.lock").open("w"))
                self._check(lock)
                undo.pop_all()
        except OSError as error:
            raise BadConfig(
                f"run directory {path} cannot be used: {error.strerror}", "Choose another with --run-dir"
            ) from None
        return lock

    def _check(self, lock: TextIO) -> None:
        path = self.path
        if len(str(path / "control.sock")) > _MAX_SOCKET_PATH:
            raise BadConfig(f"run directory {path} is too long a path for a socket", "Choose a shorter --run-dir")
        self._refuse_others()
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BadConfig(
                f"another near-supervisor is running with run directory {path}",
                "Stop it first, or give this one its own --neard-home and --run-dir",
            ) from None

    # --- while this supervisor runs

    def is_there(self) -> bool:
        """Is it still the directory that this supervisor holds?"""
        try:
            return os.path.samestat((self.path / "supervisor.lock").stat(), os.fstat(self._lock.fileno()))
        except OSError:
            return False

    def make_again(self) -> None:
        """Make what was removed again, with what a successor needs; BadConfig when that cannot be.

        What a signer's successor needs is written by whoever has it.
        """
        lock = self._take()
        self._lock.close()
        self._lock = lock
        with contextlib.suppress(OSError):
            self._write("instance", self.instance)
            self._write("index", "{} {}".format(*self._kept_seen))

    def trouble(self) -> str:
        """Why nothing can be written there, a clause for people; "" when it can."""
        try:
            found = os.statvfs(self.path)
        except OSError as error:
            return f"run directory {self.path} cannot be looked at ({error.strerror})"
        if found.f_flag & os.ST_RDONLY:
            return f"run directory {self.path} is on a file system that is read-only"
        if found.f_bavail * found.f_frsize < _LITTLE_BYTES:
            return f"run directory {self.path} is on a file system that is full"
        if found.f_files and not found.f_favail:
            return f"run directory {self.path} is on a file system that takes no more files"
        return ""

    # --- what a successor finds

    def remember(self, memory: SavedState, settings: Mapping[str, str] = NONE_KEPT) -> None:
        """Keep it for when this process crashes, and the ``settings`` that a signer of this leadership belongs to.

        After a crash of the host there is no signer to be taken up.

        OSError when it cannot be written. Then nothing is kept: what was there may name a height that is too low.
        """
        try:
            self._write("leadership.json", json.dumps({**asdict(memory), "settings": dict(settings)}), durably=False)
        except OSError:
            self.forget()
            raise

    def forget(self) -> None:
        """There is nothing to take up again."""
        (self.path / "leadership.json").unlink(missing_ok=True)

    def recall(self) -> SavedState | None:
        """What was remembered last; None when there is nothing, or nothing readable."""
        try:
            document = json.loads((self.path / "leadership.json").read_text())
            session, term, floor = str(document["session"]), int(document["term"]), int(document["floor"])
            # An older version kept none; an update need not cost a failover.
            seen = document.get("clock")
            clock = None if seen is None else ChainClock(int(seen["offset"]), int(seen["at"]))
            skip_ms = max(0, int(document.get("skip_ms", 0)))
            return SavedState(session, term, floor, clock, document.get("answered") is True, skip_ms)
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return None

    def settings(self) -> dict[str, str]:
        """Those that were kept with what was remembered last; none when there are none, or none readable."""
        try:
            kept = json.loads((self.path / "leadership.json").read_text())["settings"]
            return {str(name): str(value) for name, value in kept.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return {}

    def keep_seen(self, index: int, term: int) -> None:
        """The largest of both; what cannot be written is said by whatever needs the directory."""
        self._kept_seen = (index, term)
        with contextlib.suppress(OSError):
            self._write("index", f"{index} {term}")

    def seen(self) -> tuple[int, int]:
        """Index and term that were kept; 0 for what is not there, or not readable. An older version kept no term."""
        try:
            words = (self.path / "index").read_text().split()
        except (OSError, UnicodeDecodeError):
            return 0, 0
        index, term = (_number(word) for word in (*words[:2], "", "")[:2])
        return index, term

    def _refuse_others(self) -> None:
        """Whoever can write here can stand in for the guard, and say that a neard has ended."""
        status = self.path.stat()
        if status.st_uid != os.getuid() or status.st_mode & 0o022:
            raise BadConfig(
                f"run directory {self.path} belongs to uid {status.st_uid} with mode {status.st_mode & 0o777:o}",
                "Only the supervisor's own user may be able to write to it: chown it and chmod 0750, or choose another",
            )

    def _instance(self) -> str:
        try:
            text = (self.path / "instance").read_text().strip()
        except (OSError, UnicodeDecodeError):
            text = ""
        if _INSTANCE.fullmatch(text):
            return text
        text = secrets.token_hex(8)
        try:
            self._write("instance", text)
        except OSError as error:
            raise BadConfig(
                f"run directory {self.path} cannot be written to: {error.strerror}",
                "Make room there, or choose another with --run-dir",
            ) from None
        return text

    def _write(self, name: str, text: str, durably: bool = True) -> None:
        fresh = self.path / f"{name}.new"
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w") as file:
            file.write(text + "\n")
            file.flush()
            if durably:
                os.fsync(file.fileno())
        fresh.replace(self.path / name)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS else 0
