"""``neard validate-config``: would neard start with the files that are there now?

It opens no database, signs nothing and ends by itself (neard 1.32 or later). Beside the guard and the operator's own
hooks (``hook_process.py``) it is the only process that a supervisor starts.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import signal
import subprocess
from pathlib import Path

from . import clock
from .guard_process import SECRETS

TIMEOUT_MS = 60_000
# With the backtrace of a build that does not care what it is asked for.
_KEPT_BYTES = 64 * 1024
_CHUNK = 64 * 1024
_MAX_TEXT = 400
_KILL_S = 5.0
# What it says of the limits of this process says nothing of the guard's.
_NOT_OURS = "file descriptor limit"
_SECRET = re.compile(r"(ed25519|secp256k1):[1-9A-HJ-NP-Za-km-z]{60,}")
# What it refuses, or the panic, comes after its log; behind it comes where in its source it found out.
_BEGINS = re.compile(r"(?:(?:^|\n)Error:|(?=thread '[^\n]*panicked at))(?P<it>)")
_ENDS = re.compile(r"\n(?:Stack backtrace:|stack backtrace:|note: |Please fix the config)")
_INTRODUCES = "The following config checks failed:"
# main() turns them on.
_NO_BACKTRACE = {"RUST_BACKTRACE": "0", "RUST_LIB_BACKTRACE": "0"}
# Refused by main(), or a panic, which aborts.
_FAILED = (1, -signal.SIGABRT)


def validate_config(neard: str, home: Path, timeout_ms: int = TIMEOUT_MS) -> str | None:
    """What is wrong with neard's files, as one line without secrets; "" when nothing is.

    None when it is not known: there is no such command, it took too long, or it was killed.
    """
    command = [neard, "--home", str(home), "validate-config"]
    environ = {name: value for name, value in os.environ.items() if name not in SECRETS}
    try:
        process = subprocess.Popen(
            command,
            env={**environ, **_NO_BACKTRACE, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError:
        return None
    with process:
        # Nobody waits for it, and a signer may want the processor.
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, 19)
        try:
            said = _said(process, clock.boot_ms() + timeout_ms)
        finally:
            _end(process)
    if said is None or process.returncode not in (0, *_FAILED):
        return None
    return _problem(said, home) if process.returncode else ""


def _said(process: subprocess.Popen[bytes], deadline: int) -> bytes | None:
    """The end of what it wrote, once it has closed its output and is gone; None when that took too long."""
    kept = b""
    if process.stderr is None:
        return None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stderr, selectors.EVENT_READ)
        while (left := deadline - clock.boot_ms()) > 0:
            if not selector.select(left / 1000):
                continue
            chunk = os.read(process.stderr.fileno(), _CHUNK)
            if not chunk:
                break
            kept = (kept + chunk)[-_KEPT_BYTES:]
    try:
        process.wait(max(0, deadline - clock.boot_ms()) / 1000)
    except subprocess.TimeoutExpired:
        return None
    return kept


def _end(process: subprocess.Popen[bytes]) -> None:
    """Nothing of it stays, whatever it has started itself."""
    if process.poll() is None:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_KILL_S)


def _problem(said: bytes, home: Path) -> str | None:
    text = said.decode(errors="replace")
    if _NOT_OURS in text:
        return None
    begins = _BEGINS.search(text)
    told = text[begins.start("it") :] if begins else text
    told = _ENDS.split(told, maxsplit=1)[0].strip().removeprefix(_INTRODUCES)
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in told).split())
    line = _SECRET.sub(r"\1:...", line)[:_MAX_TEXT]
    return f"neard --home {home} validate-config fails, so neard would not start: {line or 'it does not say why'}"
