"""The boot nodes that neard is started with, as addresses.

neard resolves a name while it reads it, at each of its starts, and ends where that fails: without DNS no restart with
the key would work. So names are resolved here, in good time and again and again, and what was found last is handed on.
"""

from __future__ import annotations

import ipaddress
import logging
import socket

from .worker import Worker

log = logging.getLogger("near_supervisor")

AGAIN_MS = 300_000
RETRY_MS = 30_000


class BootNodes:
    """A comma list of ``KEY@HOST:PORT``. ``turn`` has its names resolved, on a worker; ``text`` is for any thread."""

    def __init__(self, given: str) -> None:
        # neard takes a blank for a part of the key, and nothing between two commas for a key.
        self._entries = [entry for entry in map(str.strip, given.split(",")) if entry]
        self._names = [entry for entry in self._entries if _named(entry)]
        # By entry; "" where it could not be resolved, and never was.
        self._found: dict[str, str] = {}
        self._worker = Worker("names") if self._names else None
        self._looking, self._look_at = False, 0

    def text(self) -> str:
        """What neard is given: addresses, and names that nobody has tried to resolve yet.

        Where it has something else, it is not given what could not be resolved.
        """
        known = [self._found.get(entry, entry) for entry in self._entries]
        return ",".join(filter(None, known)) or ",".join(self._entries)

    def turn(self, now: int) -> None:
        """Resolve when it is time."""
        if self._worker is None or self._looking or now < self._look_at:
            return
        self._looking, self._look_at = True, now + RETRY_MS
        self._worker.submit(lambda: self._look(now), self._looked)

    # --- on the worker

    def _look(self, now: int) -> None:
        lost = []
        for entry in self._names:
            address = _resolved(entry)
            if not address:
                lost.append(entry)
            if address or not self._found.get(entry):
                self._found[entry] = address
        if lost:
            kept = "; what was found before is used" if all(self._found[entry] for entry in lost) else ""
            log.warning("the boot nodes %s cannot be resolved%s: give addresses", ", ".join(lost), kept)
        else:
            self._look_at = now + AGAIN_MS
        self._looked()

    def _looked(self) -> None:
        self._looking = False


def _where(entry: str) -> tuple[str, str]:
    host, _colon, port = entry.partition("@")[2].partition("@")[0].rpartition(":")
    return host, port


def _named(entry: str) -> bool:
    host, port = _where(entry)
    if not host or not port.isdecimal():
        # A key alone, an address without a port, or nothing that neard takes: that is for neard to say.
        return False
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return True
    return False


def _resolved(entry: str) -> str:
    """The entry with an address for its name; "" where there is none."""
    host, port = _where(entry)
    try:
        found = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, OverflowError):
        return ""
    address = str(found[0][4][0])
    return entry.replace(f"@{host}:", f"@[{address}]:" if ":" in address else f"@{address}:", 1)
