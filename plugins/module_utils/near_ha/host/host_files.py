"""What module near_files finds on a host and how it puts things there."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import stat
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from ..errors import BadConfig
from . import atomic_file

FILE, DIRECTORY, LINK, NOTHING, OTHER = "file", "directory", "link", "absent", "other"
SHOWN_AT_MOST = 100_000
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Found:
    """What has a name now: its kind, owner and mode (None where there is none), and of a file its SHA-256."""

    kind: str
    uid: int = -1
    gid: int = -1
    mode: int | None = None
    sha256: str = ""
    target: str = ""


def look(path: Path, kind: str) -> Found:
    """What is at ``path``; a link counts as what it names only where a directory is wanted. Raises BadConfig."""
    try:
        status = path.stat() if kind == DIRECTORY else path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return Found(NOTHING)
    owner = (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode))
    if stat.S_ISLNK(status.st_mode):
        return Found(LINK, target=str(path.readlink()))
    if stat.S_ISDIR(status.st_mode):
        return Found(DIRECTORY, *owner)
    if not stat.S_ISREG(status.st_mode):
        return Found(OTHER, *owner)
    return Found(FILE, *owner, sha256=digest(path) if kind == FILE else "")


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal. Raises OSError."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


def shown(path: Path) -> str:
    """The text of a file for a diff; a word in its place where it is no text, or too long."""
    try:
        with path.open("rb") as file:
            raw = file.read(SHOWN_AT_MOST + 1)
        return raw.decode() if len(raw) <= SHOWN_AT_MOST else "(too long to be shown)\n"
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, UnicodeDecodeError):
        return "(no text)\n"


def make_directory(path: Path, owner: tuple[int, int], mode: int) -> None:
    """The directory with its owner and mode. Parents that are missing become root's, mode 0755. Raises OSError."""
    if not path.parent.is_dir():
        make_directory(path.parent, (-1, -1), 0o755)
    # A link may be there that names nothing: what is asked for cannot be had then, and mkdir says so.
    if not path.is_dir():
        path.mkdir(mode=0o700)
        # What is put into it is synced; without its own name that would be lost.
        atomic_file.sync_directory(path.parent)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fchown(descriptor, *owner)
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def own(path: Path, owner: tuple[int, int], mode: int) -> None:
    """Owner and mode of a file that stays as it is. A link that took its place meanwhile is refused. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        os.fchown(descriptor, *owner)
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def copy_file(path: Path, source: Path, owner: tuple[int, int], mode: int) -> None:
    """The content of ``source`` under the name ``path`` in one step; a program that runs keeps its old one.

    Raises OSError.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file, source.open("rb") as given:
            shutil.copyfileobj(given, file, _BLOCK)
            file.flush()
            os.fchown(descriptor, *owner)
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        Path(temporary).replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
    atomic_file.sync_directory(path.parent)


def is_anothers(path: Path, found: Found, target: str) -> bool:
    """Is what has a link's name somebody else's: a file, or a link to another directory than ``target``'s?

    A link of an older version leads to the same directory.
    """
    if found.kind == LINK:
        return (path.parent / found.target).parent != (path.parent / target).parent
    return found.kind == FILE


def set_aside(path: Path) -> Path:
    """Give what is at ``path`` a second name, which is returned; it keeps the first one, too. Raises OSError."""
    aside = path.with_name(f"{path.name}.set-aside-{time.time_ns() // 1_000_000}")
    os.link(path, aside, follow_symlinks=False)
    return aside


def make_link(path: Path, target: str) -> None:
    """A symbolic link in the place of a file, a link or nothing, in one step. Raises OSError."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as directory:
        temporary = Path(directory, "link")
        temporary.symlink_to(target)
        temporary.replace(path)
    atomic_file.sync_directory(path.parent)


def refuse_kind(path: Path, wanted: str, found: Found) -> None:
    """BadConfig if something of another kind is in the way, and may be more than this collection's."""
    replaceable = {FILE: (FILE, LINK, NOTHING), LINK: (FILE, LINK, NOTHING), DIRECTORY: (DIRECTORY, NOTHING)}
    if found.kind not in replaceable[wanted]:
        raise BadConfig(
            f"{path} must be a {wanted}, and is a {found.kind if found.kind != OTHER else 'special file'}",
            "Look what it is, and move it out of the way",
        )


def plainly(error: OSError) -> str:
    """An error of the system in words, with what is in the way of most of them."""
    if error.errno == errno.EROFS:
        return "the file system can only be read"
    return error.strerror or str(error)
