"""The writing half of the referee: one line per signature, appended before the signature leaves the process."""

from __future__ import annotations

import json
import os
from pathlib import Path

from . import clock


class RefereeLog:
    """Appends to the log that all nodes of a network share.

    Each line is one os.write() to an O_APPEND descriptor: lines of several processes never mix.
    """

    def __init__(self, path: str, home: Path, node_id: str) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644) if path else -1
        self._who = {"node_id": node_id, "home": str(home.resolve()), "pid": os.getpid()}

    def sign(self, account: str, kind: str, height: int, content: str) -> None:
        """``account`` is about to send a signature of ``kind`` for ``height`` over ``content`` (a hash)."""
        self._write({"event": "sign", "account": account, "kind": kind, "height": height, "content": content})

    def holder(self, event: str, account: str) -> None:
        """``hold``: a key was loaded; ``alive``: it still is; ``drop``: the process ends of its own will."""
        self._write({"event": event, "account": account})

    def _write(self, entry: dict[str, object]) -> None:
        if self._fd < 0:
            return
        entry |= self._who
        entry["wall_ns"] = clock.wall_ns()
        entry["boot_ns"] = clock.boot_ns()
        os.write(self._fd, json.dumps(entry, separators=(",", ":")).encode() + b"\n")
