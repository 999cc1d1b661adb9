"""Runs a program of the operator's: without a shell, with JSON on its input, for a bounded time.

It gets an environment of its own, and none of this process's files. When its time is over, or it has ended, nothing of
its process group stays. What it writes is read to a limit and can neither obey a terminal nor fill the log.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import stat
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import clock
from .last_words import plain_line

_KEPT_BYTES = 8 * 1024
_CHUNK = 64 * 1024
_LOOK_MS = 50
_KILL_S = 5.0
_MAX_LINE = 300
# Where the operator's own tools are, if this process was not told.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# A signer may want the processor.
_NICE = 10
# Of those that run, so that none is left when the supervisor goes.
_running: set[int] = set()
_changes = threading.Lock()


@dataclass(frozen=True)
class Ran:
    """How a program ended. ``status`` None: it could not be started, or was killed when its time was over.

    ``problem`` is a clause for people ("" = exit status 0), ``last_line`` the end of what it wrote, in one line.
    """

    status: int | None
    problem: str
    last_line: str = ""

    @property
    def reason(self) -> str:
        """What went wrong, and what it said itself; "" when nothing has."""
        return f"{self.problem}; it said last: {self.last_line}" if self.problem and self.last_line else self.problem


def end_all() -> None:
    """This process ends: nobody would end what runs when its time is over."""
    with _changes:
        for group in _running:
            _kill(group)


def environment(environ: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """All that a program is told beside its input: nothing of a token, a credential or a service manager."""
    return {"PATH": environ.get("PATH") or _PATH, "LANG": "C.UTF-8", **more}


def against(command: Sequence[str]) -> str:
    """Why this command is not run, a clause for people; "" when it is."""
    path = Path(command[0])
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return f"{path} cannot be started: {error.strerror}"
    if not stat.S_ISREG(mode) or not os.access(path, os.X_OK):
        return f"{path} cannot be started: it is no file that this process's user may run"
    if mode & stat.S_IWOTH:
        return f"{path} is not run: every user of this host can change it, and the validator key is within its reach"
    return ""


def run(command: Sequence[str], given: bytes, environ: Mapping[str, str], timeout_ms: int) -> Ran:
    """What became of ``command``; it never takes longer than ``timeout_ms`` and a moment, and raises nothing."""
    deadline = clock.boot_ms() + timeout_ms
    problem = against(command)
    if problem:
        return Ran(None, problem)
    try:
        process = subprocess.Popen(
            list(command),
            env=dict(environ),
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return Ran(None, f"{command[0]} cannot be started: {getattr(error, 'strerror', None) or error}")
    with _changes:
        _running.add(process.pid)
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)
    said = b""
    try:
        said = _talk(process, given, deadline)
    finally:
        in_time = _has_ended(process)
        _end(process)
    words = _last_line(said)
    if not in_time:
        return Ran(None, f"it was ended after {timeout_ms / 1000:g} s", words)
    status = process.returncode
    if status < 0:
        return Ran(status, f"it was ended by signal {-status}", words)
    return Ran(status, f"it ended with status {status}" if status else "", words)


def _talk(process: subprocess.Popen[bytes], given: bytes, deadline: int) -> bytes:
    """The end of what it wrote until it ended: whoever it has left behind may keep its output open for ever."""
    kept, left = b"", memoryview(given)
    if process.stdin is None or process.stdout is None:
        return kept
    for stream in (process.stdin, process.stdout):
        os.set_blocking(stream.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        selector.register(process.stdin, selectors.EVENT_WRITE)
        while (time_left := deadline - clock.boot_ms()) > 0:
            ended = _has_ended(process)
            ready = selector.select(0 if ended else min(time_left, _LOOK_MS) / 1000)
            for key, _events in ready:
                if key.fileobj is process.stdin:
                    left = _written(process.stdin.fileno(), left)
                    if not left:
                        selector.unregister(process.stdin)
                        process.stdin.close()
                    continue
                chunk = _read(process.stdout.fileno())
                kept = (kept + chunk)[-_KEPT_BYTES:]
                if not chunk:
                    selector.unregister(process.stdout)
            if ended and not any(key.fileobj is process.stdout for key, _events in ready):
                break
            if not selector.get_map() and not ended:
                clock.sleep_ms(min(_LOOK_MS, max(0, deadline - clock.boot_ms())))
    return kept


def _written(descriptor: int, left: memoryview) -> memoryview:
    """What is still to be written; nothing, when nobody reads it any more."""
    try:
        return left[os.write(descriptor, left[:_CHUNK]) :]
    except BlockingIOError:
        return left
    except OSError:
        return left[:0]


def _read(descriptor: int) -> bytes:
    with contextlib.suppress(OSError):
        return os.read(descriptor, _CHUNK)
    return b""


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Without waiting for it: as long as nobody has, its number is no other one's."""
    if process.returncode is not None:
        return True
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Nothing of its group stays, whatever it has started itself."""
    with _changes:
        # Not waited for yet: its number is no other one's.
        _kill(process.pid)
        _running.discard(process.pid)
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_KILL_S)


def _kill(group: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(group, signal.SIGKILL)


def _last_line(said: bytes) -> str:
    lines = [plain_line(line) for line in said.decode(errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "")[:_MAX_LINE]
