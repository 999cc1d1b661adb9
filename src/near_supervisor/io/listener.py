"""Whose socket answers on an address: the kernel's word, not that of whoever answers."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path

_LISTEN = "0A"


def is_of(pid: int, host: str, port: int) -> bool | None:
    """Does process ``pid`` have every listening socket that ``host:port`` could mean? None when it cannot be told.

    Source: proc(5), /proc/PID/net/tcp and /proc/PID/fd.
    """
    try:
        inodes = {
            inode for name in ("tcp", "tcp6") for inode in _listening(Path(f"/proc/{pid}/net/{name}"), host, port)
        }
        if not inodes:
            return False
        for entry in os.scandir(f"/proc/{pid}/fd"):
            inodes.discard(_socket_of(entry.path))
            if not inodes:
                return True
    except (OSError, ValueError):
        return None
    return False


def _listening(table: Path, host: str, port: int) -> list[str]:
    """Inodes of the listening sockets of ``table`` that a connection to ``host:port`` may reach."""
    try:
        lines = table.read_text().splitlines()[1:]
    except FileNotFoundError:
        # A kernel without IPv6.
        return []
    found = []
    for line in lines:
        fields = line.split()
        address, _colon, number = fields[1].partition(":")
        if fields[3] == _LISTEN and int(number, 16) == port and _may_mean(address, host):
            found.append(fields[9])
    return found


def _may_mean(shown: str, host: str) -> bool:
    """``shown`` is in hexadecimal, in words of 32 bits of the host's byte order."""
    raw = b"".join(bytes.fromhex(shown[at : at + 8])[::-1] for at in range(0, len(shown), 8))
    bound = ipaddress.ip_address(raw)
    try:
        wanted = ipaddress.ip_address(host)
    except ValueError:
        # A name: any of them.
        return True
    return bound.is_unspecified or bound in (wanted, getattr(bound, "ipv4_mapped", None))


def _socket_of(path: str) -> str:
    try:
        return str(Path(path).readlink()).removeprefix("socket:[").removesuffix("]")
    except FileNotFoundError:
        # Closed meanwhile.
        return ""
