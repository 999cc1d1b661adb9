"""The validator key in neard's home: a link that leads through this process, and nowhere without it."""

from __future__ import annotations

import contextlib
import fcntl
import os

from .kernel import wall_ms
from .request import Refused

# The key is open at a number of at least the first of these, and fewer than both together.
KEY_FD_FROM, KEY_FDS = 100, 800


def clear(link: str) -> str | None:
    """Take away what is at ``link``. A real file may be somebody's only copy: it is set aside, and named."""
    if os.path.islink(link):
        os.unlink(link)
        return None
    if not os.path.exists(link):
        return None
    aside = f"{link}.set-aside-{wall_ms()}"
    os.rename(link, aside)
    return aside


class KeyInPlace:
    """The validator key where neard looks for it: a link that leads through this process to the file that is open here.

    A link stays in neard's home when the host loses its power, or when this program is killed. Whoever starts neard
    then, and without a guard, is to find nothing: no process has the file open there any more.
    """

    def __init__(self, link: str) -> None:
        self.link = link
        self.fd = -1

    def open(self, target: str) -> None:
        """Take hold of the key in ``target``; OSError when it cannot be read."""
        self.close()
        fd = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
        # Anywhere: after a boot another program may go by this pid, and is to have nothing at this number.
        lowest = KEY_FD_FROM + int.from_bytes(os.urandom(2), "big") % KEY_FDS
        try:
            self.fd = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, lowest)
        except OSError:
            # So few files may be open here.
            self.fd = fd
            return
        os.close(fd)

    def place(self) -> None:
        """Put what was opened in its place; Refused when neard would not find it there."""
        place(f"/proc/{os.getpid()}/fd/{self.fd}", self.link)
        try:
            leads_to_it = os.path.samestat(os.stat(self.link), os.fstat(self.fd))
        except FileNotFoundError:
            leads_to_it = False
        if not leads_to_it:
            raise Refused(f"{self.link} does not lead to the validator key: is /proc that of this process?")

    def close(self) -> None:
        """Whatever still links to it leads nowhere from now on."""
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1


def place(target: str, link: str) -> str | None:
    """Make ``link`` point to ``target`` in one step, so that no reader ever sees half of it.

    Returns the name under which a real file in its place was set aside.
    """
    fresh = f"{link}.near-guard"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(fresh)
    os.symlink(os.path.abspath(target), fresh)
    aside = None if os.path.islink(link) else clear(link)
    os.replace(fresh, link)
    return aside


def require_open_proc() -> None:
    """neard will find its key through this process: Refused where processes of one user do not see each other.

    Better at the start of the guard than in the moment of a takeover. For a program with one thread: it forks.
    """
    me, fd = os.getpid(), os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(os.open(f"/proc/{me}/fd/{fd}", os.O_RDONLY))
            status = 0
        finally:
            os._exit(status)
    _pid, ended = os.waitpid(pid, 0)
    os.close(fd)
    if ended != 0:
        raise Refused(
            f"a child of this guard cannot open /proc/{me}/fd/{fd}, and neard finds its key in such a way: /proc has to"
            " be mounted, and processes of one user have to see each other in it"
        )
