"""Clients that go before they have their answer: port scanners, health checks, an operator's Ctrl-C."""

from __future__ import annotations

import logging
import socketserver
import sys
from typing import Any

from . import clock

log = logging.getLogger("near_supervisor")

SAY_AGAIN_MS = 600_000


class HangUps:
    """How many there were of the server with this name. Said at the first, and then once in a while."""

    def __init__(self, name: str) -> None:
        self.count = 0
        self._name = name
        self._said_at: int | None = None

    def note(self, now: int) -> None:
        """One more, at ``now`` (boot time, milliseconds)."""
        self.count += 1
        if self._said_at is None or now >= self._said_at + SAY_AGAIN_MS:
            self._said_at = now
            log.info("a client of %s hung up before it had its answer (%d so far)", self._name, self.count)


class CountsHangUps(socketserver.BaseServer):
    """A server without tracebacks: a client that goes is counted, what else goes wrong is one line of the log."""

    hang_ups: HangUps

    def handle_error(self, request: Any, client_address: Any) -> None:
        """In the thread of the request, where the error is at hand."""
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            self.hang_ups.note(clock.boot_ms())
        else:
            log.error("a request could not be answered: %r", error)
