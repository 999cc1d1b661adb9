"""The supervisor's end of the guard's socket. Answers and the end of neard arrive as callbacks.

One thread reads, so that what the guard says is passed on in the order in which it was said: the start
of a neard always before its end.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from near_ha.errors import GuardError

from . import clock

Reply = dict[str, Any]
OnReply = Callable[[Reply], None]

REPLY_TIMEOUT_MS = 5_000
_GONE_POLL_MS = 200


class GuardClient:
    """An attached guard. ``on_exit`` hears of neard's end, ``on_lost`` once of the guard's."""

    def __init__(self, path: Path, on_exit: OnReply, on_lost: Callable[[], None]) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(REPLY_TIMEOUT_MS / 1000)
            self._socket.connect(str(path))
            self._file = self._socket.makefile("rb")
            self._socket.sendall(b'{"id": 0, "do": "hello"}\n')
            hello = self._parse(self._file.readline())
        except OSError as error:
            self._socket.close()
            raise GuardError(f"no guard answers on {path}: {error}") from None
        if hello.get("event") == "busy":
            self._socket.close()
            raise GuardError(f"the guard on {path} serves another supervisor", "Stop that one first")
        if not hello.get("ok"):
            self._socket.close()
            raise GuardError(f"the guard on {path} gave a malformed greeting")
        self._socket.settimeout(None)
        self.hello = hello
        self._on_exit, self._on_lost = on_exit, on_lost
        self._pending: dict[int, tuple[OnReply, int]] = {}
        self._number = 0
        self._lock = threading.Lock()
        self._pidfds: dict[int, int] = {}
        if hello["neard"]:
            self._know(hello["neard"]["pid"])

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
            return any(limit < now for _, limit in self._pending.values())

    def kill_guard(self) -> None:
        """End a guard that hangs; the kernel ends its neard with it."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(self.hello["pid"]), signal.SIGKILL)

    def _read(self) -> None:
        with contextlib.suppress(OSError, GuardError):
            for line in self._file:
                self._dispatch(self._parse(line))
        self._socket.close()
        self._on_lost()
        for pid in list(self._pidfds):
            self._confirm_gone(pid)

    def _dispatch(self, message: Reply) -> None:
        if message.get("event") == "exit":
            pidfd = self._pidfds.pop(message["pid"], None)
            if pidfd is not None:
                os.close(pidfd)
            self._on_exit(message)
            return
        with self._lock:
            on_reply, _ = self._pending.pop(message.get("id", 0), (None, 0))
        if on_reply is not None:
            if message.get("ok") and isinstance(message.get("pid"), int):
                self._know(message["pid"])
            on_reply(message)

    def _know(self, pid: int) -> None:
        """Hold on to the process behind ``pid``, so that its end can be seen without the guard."""
        with contextlib.suppress(OSError):
            self._pidfds[pid] = os.pidfd_open(pid)

    def _confirm_gone(self, pid: int) -> None:
        """After the guard's death: wait for neard's, and hasten it. The kernel has sent SIGKILL already."""
        pidfd = self._pidfds.pop(pid)
        poller = select.poll()
        poller.register(pidfd, select.POLLIN)
        while not poller.poll(_GONE_POLL_MS):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        os.close(pidfd)
        self._on_exit({"pid": pid, "how": "signal 9 (SIGKILL), after its guard"})

    @staticmethod
    def _parse(line: bytes) -> Reply:
        try:
            message = json.loads(line)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            raise GuardError("the guard said something that is not a JSON object")
        return message
