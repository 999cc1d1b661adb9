"""What the service manager is told (sd_notify): that we are up, how it goes, and that the loop still turns."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import MutableMapping

_AGAIN_MS = 200
_DETAIL_MS = 10_000


class ServiceManager:
    """The socket of ``NOTIFY_SOCKET``, or nobody. Nothing here ever waits, and a message that is lost is no error.

    The loop that does the work calls ``turned``; whatever else may hang, only that loop feeds the watchdog.
    """

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        # Taken out, so that what we start does not speak in our name.
        self._address = environ.pop("NOTIFY_SOCKET", "")
        interval, pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
        meant = pid in ("", str(os.getpid())) and interval.isdecimal() and bool(self._address)
        self._feed_every = max(1, int(interval) // 2_000) if meant else 0
        self._feed_at = 0
        self._ready = False
        self._shown = ("", "")
        self._show_at = 0

    def turned(self, now: int, state: str, detail: str) -> None:
        """The loop has turned at ``now``, and the node is in ``state``; a new ``detail`` alone is shown seldom."""
        if not self._address:
            return
        self._show(now, state, detail)
        if self._feed_every and now >= self._feed_at:
            fed = self._tell("WATCHDOG=1")
            self._feed_at = now + (self._feed_every if fed else min(self._feed_every, _AGAIN_MS))

    def stopping(self) -> None:
        """The end has begun."""
        self._tell("STOPPING=1")

    def patience_ms(self, now: int) -> int | None:
        """How long the loop may sleep at ``now`` before it has to turn again; None when nobody waits for it."""
        return max(1, self._feed_at - now) if self._feed_every else None

    def _show(self, now: int, state: str, detail: str) -> None:
        if self._ready and state == self._shown[0] and (detail == self._shown[1] or now < self._show_at):
            return
        line = "".join(letter if letter.isprintable() else "?" for letter in f"{state}, {detail}")
        if self._tell(f"STATUS={line}" if self._ready else f"READY=1\nSTATUS={line}"):
            self._ready, self._shown, self._show_at = True, (state, detail), now + _DETAIL_MS

    def _tell(self, text: str) -> bool:
        """Was it sent? A manager that does not read its socket is not waited for."""
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.setblocking(False)
            channel.sendto(text.encode(), address)
            return True
        return False
