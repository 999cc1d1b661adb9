"""Whose the files of a directory are that the user of a program has to write to, and how they become that user's.

The user may have put anything there, and root walks here: no link is followed, and what could be a second name of
somebody else's file is left as it is.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

# A database of mainnet has some ten thousand files, which are looked at within a second.
LONGEST_S = 60.0
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_HARD_LINKS = Path("/proc/sys/fs/protected_hardlinks")


@dataclass
class Walk:
    """One look at some trees, for the user and group ``owner``.

    ``foreign`` are the files and directories that were another's, ``left`` those of them that stay so, with the reason,
    ``unseen`` the tree that there was no time for ("" = all were seen).
    """

    owner: tuple[int, int]
    changes: bool
    longest_s: float = LONGEST_S
    hard_links: Path = _HARD_LINKS
    clock: Callable[[], float] = time.monotonic
    foreign: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    unseen: str = ""

    def __post_init__(self) -> None:
        self._until = self.clock() + self.longest_s
        try:
            self._links_are_safe = self.hard_links.read_text().strip() != "0"
        except OSError:
            self._links_are_safe = False

    def tree(self, top: Path) -> None:
        """``top`` and all that is below it, whatever that is; nothing where there is nothing. Raises OSError."""
        self.entry(top)
        self._below(top)

    def entry(self, path: Path) -> None:
        """``path`` itself. Its parent is trusted. Raises OSError."""
        parent = _opened(path.parent)
        if parent is None:
            return
        try:
            self._own(parent, path.name, path)
        finally:
            os.close(parent)

    def _below(self, top: Path) -> None:
        try:
            descriptor = os.open(top, _OPEN)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError:
            # A link: what it leads to is somebody else's business.
            if top.is_symlink():
                return
            raise
        try:
            self._inside(descriptor, top)
        finally:
            os.close(descriptor)

    def _inside(self, descriptor: int, place: Path) -> None:
        for name in _names(descriptor):
            if self.unseen:
                return
            if self.clock() >= self._until:
                self.unseen = str(place)
                return
            if not self._own(descriptor, name, place / name):
                continue
            try:
                inner = os.open(name, _OPEN, dir_fd=descriptor)
            except (FileNotFoundError, NotADirectoryError):
                continue
            try:
                self._inside(inner, place / name)
            finally:
                os.close(inner)

    def _own(self, parent: int, name: str, path: Path) -> bool:
        """Give one name to the owner, if it is a file or a directory of another; whether it is a directory."""
        try:
            found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return False
        is_directory = stat.S_ISDIR(found.st_mode)
        if found.st_uid == self.owner[0] or not (is_directory or stat.S_ISREG(found.st_mode)):
            return is_directory
        self.foreign.append(str(path))
        if not is_directory and found.st_nlink > 1 and not self._links_are_safe:
            self.left.append(f"{path} has another name elsewhere")
        elif self.changes:
            os.chown(name, *self.owner, dir_fd=parent, follow_symlinks=False)
        return is_directory


def _opened(directory: Path) -> int | None:
    try:
        return os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _names(descriptor: int) -> Iterator[str]:
    with os.scandir(descriptor) as entries:
        for entry in entries:
            yield entry.name
