"""One line that says what is waited for, and for how long yet, while somebody looks on.

On a terminal it is written over itself; elsewhere it is a line of its own every few seconds. A wait that is over soon
is not worth a word.
"""

from __future__ import annotations

import os
import shutil
from typing import TextIO

SAID_AFTER_S = 2.0
AGAIN_S = 5.0
_BACK = "\r\x1b[K"


class WaitLine:
    """Of one wait that began at ``now``, in seconds of any clock that grows."""

    def __init__(self, out: TextIO, now: float, environ: dict[str, str] | None = None) -> None:
        given = dict(os.environ) if environ is None else environ
        self._out, self._began, self._said_at = out, now, now - AGAIN_S
        self._rewrites = out.isatty() and given.get("TERM", "") not in ("", "dumb")
        self._is_there = False

    def show(self, what: str, left_s: float, now: float) -> None:
        """Say it, if it takes long enough, and what was said last is not of just now."""
        if now - self._began < SAID_AFTER_S or not what:
            return
        text = f"waits for {what}; {left_s:.0f} s left"
        if self._rewrites:
            width = shutil.get_terminal_size().columns - 1
            self._out.write(_BACK + (text if len(text) <= width else f"{text[: max(0, width - 1)]}…"))
            self._is_there = True
        elif now - self._said_at >= AGAIN_S:
            self._said_at = now
            self._out.write(f"{text}\n")
        self._out.flush()

    def clear(self) -> None:
        """Something else is said now."""
        if self._is_there:
            self._out.write(_BACK)
            self._out.flush()
            self._is_there = False
