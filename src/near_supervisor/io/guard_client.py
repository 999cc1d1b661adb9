"""The supervisor's end of the guard's socket. Answers and the end of neard arrive as callbacks.

One thread reads, so that what the guard says is passed on in the order in which it was said: the start
of a neard always before its end.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from near_ha.errors import GuardError

from . import clock
from .process_handle import ProcessHandle

log = logging.getLogger("near_supervisor")

Reply = dict[str, Any]
OnReply = Callable[[Reply], None]

REPLY_TIMEOUT_MS = 5_000


class GuardClient:
    """An attached guard. ``on_exit`` hears of neard's end, ``on_lost`` once of the guard's."""

    def __init__(self, path: Path, on_exit: OnReply, on_lost: Callable[[], None]) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._on_exit, self._on_lost = on_exit, on_lost
        self._pending: dict[int, tuple[OnReply, int]] = {}
        self._number = 0
        self._lock = threading.Lock()
        self._neards: dict[int, ProcessHandle] = {}
        try:
            self.hello = self._greet(path)
        except BaseException:
            self._socket.close()
            raise

    def _greet(self, path: Path) -> Reply:
        try:
            self._socket.settimeout(REPLY_TIMEOUT_MS / 1000)
            self._socket.connect(str(path))
            pid, uid, _gid = struct.unpack("3i", self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            if uid not in (0, os.getuid()):
                raise GuardError(f"{path} is served by uid {uid}", "Look who that is; it is no guard of ours")
            self._guard = ProcessHandle(pid)
            self._file = self._socket.makefile("rb")
            self._socket.sendall(b'{"id": 0, "do": "hello"}\n')
            hello = self._parse(self._file.readline())
        except TimeoutError:
            # It holds the socket and does nothing with it. If it has an armed neard, the kernel ends both.
            self._guard.kill()
            raise GuardError(f"the guard {self.pid} on {path} did not answer and was killed") from None
        except OSError as error:
            raise GuardError(f"no guard answers on {path}: {error}") from None
        if hello.get("event") == "busy":
            raise GuardError(f"the guard on {path} serves another supervisor", "Stop that one first")
        if not hello.get("ok"):
            raise GuardError(f"the guard on {path} gave a malformed greeting")
        if isinstance(hello.get("neard"), dict):
            self._know(hello["neard"]["pid"])
        self._socket.settimeout(None)
        return hello

    @property
    def pid(self) -> int:
        """The guard's pid, as the kernel says it."""
        return self._guard.pid

    def close(self) -> None:
        """Let the guard go, before ``listen``."""
        self._file.close()
        self._socket.close()
        for process in (self._guard, *self._neards.values()):
            process.close()

    def listen(self) -> None:
        """Begin to pass on what the guard says."""
        threading.Thread(target=self._read, name="guard", daemon=True).start()

    def ask(self, request: dict[str, Any], on_reply: OnReply = lambda _reply: None) -> None:
        """Send a request; a guard that is gone is reported by ``on_lost``, not here."""
        with self._lock:
            self._number += 1
            self._pending[self._number] = (on_reply, clock.boot_ms() + REPLY_TIMEOUT_MS)
            line = json.dumps({"id": self._number, **request}).encode() + b"\n"
        with contextlib.suppress(OSError):
            self._socket.sendall(line)

    def overdue(self, now: int) -> bool:
        """Has a request been without its answer for too long?"""
        with self._lock:
            return any(limit < now for _on_reply, limit in self._pending.values())

    def kill_guard(self) -> None:
        """End a guard that hangs; the kernel ends its neard with it."""
        self._guard.kill()

    def _read(self) -> None:
        try:
            for line in self._file:
                self._dispatch(self._parse(line))
        except (OSError, GuardError, KeyError, TypeError) as error:
            log.warning("the guard's socket is given up: %r", error)
        finally:
            # Whatever ended this: a guard without a supervisor that hears it is lost, and has to know.
            self._socket.close()
            self._guard.kill()
            self._on_lost()
            for neard in list(self._neards.values()):
                neard.wait_for_end()
                self._on_exit({"pid": neard.pid, "how": "signal 9 (SIGKILL), after its guard"})

    def _dispatch(self, message: Reply) -> None:
        if message.get("event") == "exit":
            known = self._neards.pop(message["pid"], None)
            if known is not None:
                known.close()
            self._on_exit(message)
            return
        with self._lock:
            on_reply, _limit = self._pending.pop(message.get("id", 0), (None, 0))
        if on_reply is not None:
            if message.get("ok") and isinstance(message.get("pid"), int):
                self._know(message["pid"])
            on_reply(message)

    def _know(self, pid: int) -> None:
        # It is told again each time that it is given the key.
        if pid not in self._neards:
            self._neards[pid] = ProcessHandle(pid)

    @staticmethod
    def _parse(line: bytes) -> Reply:
        try:
            message = json.loads(line)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            raise GuardError("the guard said something that is not a JSON object")
        return message
