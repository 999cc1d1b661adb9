"""What a service manager is told (sd_notify)."""

from __future__ import annotations

import contextlib
import os
import socket


class Manager:
    """The service manager (sd_notify), if there is one. What it does not take is lost; nothing here waits for it."""

    def __init__(self) -> None:
        # Taken out of the environment: neard must not speak in this program's name.
        address = os.environ.pop("NOTIFY_SOCKET", "")
        interval, pid = os.environ.pop("WATCHDOG_USEC", ""), os.environ.pop("WATCHDOG_PID", "")
        self.address = "\0" + address[1:] if address.startswith("@") else address
        self.channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) if address else None
        meant = address and interval.isdecimal() and pid in ("", str(os.getpid()))
        self.feed_every = max(1, int(interval) // 2_000) if meant else 0
        self.feed_at = 0

    def tell(self, text: str) -> None:
        """Send ``text``, or forget it."""
        if self.channel is not None:
            with contextlib.suppress(OSError):
                self.channel.sendto(text.encode(), self.address)

    def feed(self, now: int) -> None:
        """The loop has turned at ``now``: keep the watchdog quiet, at half of its time."""
        if self.feed_every and now >= self.feed_at:
            self.feed_at = now + self.feed_every
            self.tell("WATCHDOG=1")
