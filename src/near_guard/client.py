"""The supervisor's connection, at most one at a time."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct

from .kernel import boot_ms

MAX_LINE = 64 * 1024


class Client:
    """Who is at the other end of the socket: a supervisor of the same user, or nobody."""

    def __init__(self) -> None:
        self.connection: socket.socket | None = None
        self.buffer = b""
        self.gone_at = boot_ms()

    def accept(self, listener: socket.socket) -> None:
        """Whoever comes is it, if there is nobody yet; another one is told so."""
        try:
            connection, _address = listener.accept()
        except OSError:
            return
        _pid, uid, _gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid not in (0, os.getuid()) or self.connection is not None:
            with contextlib.suppress(OSError):
                connection.sendall(b'{"event": "busy"}\n')
            connection.close()
            return
        connection.setblocking(False)
        self.connection, self.buffer = connection, b""

    def read(self) -> list[bytes]:
        """The lines that have come. One that writes without end, or nothing any more, is gone after this."""
        if self.connection is None:
            return []
        try:
            data = self.connection.recv(MAX_LINE)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        self.buffer += data
        if not data or len(self.buffer) > MAX_LINE:
            self._drop()
            return []
        *lines, self.buffer = self.buffer.split(b"\n")
        return lines

    def send(self, message: dict[str, object]) -> None:
        """One line. Whoever does not take it at once is gone."""
        if self.connection is None:
            return
        try:
            self.connection.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            self._drop()

    def _drop(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self.connection = None
        self.gone_at = boot_ms()
