"""neard's log lines on stderr: ``2024-09-06T15:24:20.298880Z  INFO neard: text field=value``."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import NoReturn

from . import clock


def _line(level: str, target: str, text: str) -> None:
    stamp = clock.rfc3339(clock.wall_ns())[:26] + "Z"
    # One write per line: several processes may share one terminal or file.
    os.write(2, f"{stamp} {level:>5} {target}: {text}\n".encode())


def info(target: str, text: str) -> None:
    """Write one INFO line."""
    _line("INFO", target, text)


def warn(target: str, text: str) -> None:
    """Write one WARN line."""
    _line("WARN", target, text)


def error(target: str, text: str) -> None:
    """Write one ERROR line."""
    _line("ERROR", target, text)


def panic(message: str) -> NoReturn:
    """End the process as a Rust panic with ``panic = 'abort'`` does: text on stderr, then SIGABRT."""
    # Nothing may keep it from ending, least of all the full disk that it is about.
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    with contextlib.suppress(OSError):
        os.write(2, f"thread 'main' panicked at neard/src/cli.rs:\n{message}\n".encode())
    os.abort()
