"""The socket on which a supervisor finds the guard, and the run directory that it is in."""

from __future__ import annotations

import contextlib
import os
import socket

from .locks import hold
from .log import say, write_to


class GuardSocket:
    """``guard.sock``. Of the guards that could have one in this directory, this one has it."""

    listener: socket.socket

    def __init__(self, run_dir: str, log: str | None) -> None:
        """Take hold of the directory; Refused where another guard is. There is no socket before ``listen``."""
        self.run_dir, self.log = run_dir, log
        self.path, self.inode = self._in_run_dir("guard.sock"), 0
        self.run_lock = hold(self._in_run_dir("guard.lock"), run_dir)

    def listen(self) -> None:
        """A supervisor finds it from now on."""
        self.listener = self._made()

    def listen_again(self, armed: bool) -> None:
        """The socket was removed, maybe with its directory, which is there again. Refused where another guard is."""
        path = self._in_run_dir("guard.lock")
        try:
            is_held = os.path.samestat(os.stat(path), os.fstat(self.run_lock))
        except FileNotFoundError:
            is_held = False
        lock = self.run_lock if is_held else hold(path, self.run_dir)
        try:
            listener = self._made()
        except OSError:
            if lock != self.run_lock:
                os.close(lock)
            raise
        if lock != self.run_lock:
            os.close(self.run_lock)
        self.listener.close()
        self.listener, self.run_lock = listener, lock
        if self.log:
            # It was removed, too; neard goes on with the old one until it is started anew.
            with contextlib.suppress(OSError):
                write_to(self.log)
        if not armed:
            # While neard is armed, no disk may hold this program up; the supervisor says it, too.
            say("warn", f"{self.path} was gone and is there again")

    def can_be_found(self) -> bool:
        """Does a supervisor still find this guard?"""
        try:
            return os.stat(self.path).st_ino == self.inode
        except OSError:
            return False

    def close(self) -> None:
        """Take the socket away, unless it is another guard's by now."""
        if self.can_be_found():
            with contextlib.suppress(OSError):
                os.unlink(self.path)

    def _made(self) -> socket.socket:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            listener.bind(self.path)
        finally:
            os.umask(mask)
        listener.listen(4)
        self.inode = os.stat(self.path).st_ino
        # For people only: a directory that is full must not cost the socket.
        with contextlib.suppress(OSError), open(self._in_run_dir("guard.pid"), "w") as file:
            file.write(f"{os.getpid()}\n")
        return listener

    def _in_run_dir(self, name: str) -> str:
        return os.path.join(self.run_dir, name)
