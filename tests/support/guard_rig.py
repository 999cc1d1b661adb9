"""A real near-guard in a directory of its own, and the supervisor's end of its socket."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from near_guard.kernel import boot_ms
from near_supervisor.io import guard_process

# Of a machine that is busy with other things.
PATIENCE_S = 60.0


def wait_for(holds: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Poll until ``holds``; AssertionError naming ``what`` when it does not within ``patience_s`` seconds."""
    limit = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < limit, f"not within {patience_s} s: {what}"
        time.sleep(0.005)


def alive(pid: int) -> bool:
    """Does ``pid`` run? A zombie that nobody has collected yet does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def descendants(pid: int) -> list[int]:
    """The children of ``pid``."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def ignores_sigterm(pid: int) -> bool:
    """Has ``pid`` got as far as that?"""
    ignored = Path(f"/proc/{pid}/status").read_text().split("SigIgn:")[1].split()[0]
    return bool(int(ignored, 16) & 1 << (signal.SIGTERM - 1))


def took(holds: Callable[[], bool], patience_s: float) -> bool:
    """Does it come to hold within this time?"""
    try:
        wait_for(holds, "it holds", patience_s)
    except AssertionError:
        return False
    return True


class GuardRig:
    """One guard, and one connection to it."""

    def __init__(
        self,
        path: Path,
        linger_s: float = 30.0,
        environ: Mapping[str, str] | None = None,
        program: Sequence[str] = (sys.executable, "-I", "-S", guard_process.FROM_FILES),
        output: int | None = None,
    ) -> None:
        """``output`` is a descriptor that takes what guard and neard write; without one they write to a file."""
        self.program, self.output = program, output
        self.environ = {**os.environ, **(environ or {})}
        self.home, self.run_dir = path / "home", path / "run"
        self.link = self.home / "validator_key.json"
        self.lock = self.home / "data" / "LOCK"
        self.key = path / "key.json"
        self.log = path / "log"
        self.linger_s = linger_s
        for directory in (self.home, self.run_dir, self.lock.parent):
            directory.mkdir(exist_ok=True)
        self.key.write_text("the key")
        self.events: list[dict[str, Any]] = []
        self.buffer = b""

    def __enter__(self) -> GuardRig:
        self.process = self.spawn()
        wait_for(self._connected, "the guard listens")
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()
        self.process.kill()
        self.process.wait()

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start a guard as the supervisor does."""
        words = ("--run-dir", self.run_dir, "--home", self.home, "--key-link", self.link)
        log = ("--log", self.log) if self.output is None else ()
        command = [*self.program, *words, *log, "--linger", str(self.linger_s)]
        return subprocess.Popen(command, env=self.environ, stdout=self.output, stderr=self.output)

    def _connected(self) -> bool:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with contextlib.suppress(OSError):
            self.socket.connect(str(self.run_dir / "guard.sock"))
            return True
        return False

    # --- requests

    def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        """Send a request and wait for its answer; events that come before it are kept."""
        self.socket.sendall(json.dumps({"id": do, "do": do, **fields}).encode() + b"\n")
        for message in self._messages():
            if message.get("id") == do:
                return message
        raise AssertionError(f"the guard closed its socket; its log:\n{self.log.read_text()}")

    def start(self, *argv: str, armed: bool = False, ms: int = 60_000, **fields: Any) -> dict[str, Any]:
        """Start ``argv`` as neard, with a deadline ``ms`` from now when armed."""
        words = {"argv": list(argv), "lock": str(self.lock), "armed": armed, "validator_key": str(self.key)}
        return self.ask("start", **words, deadline=boot_ms() + ms, **fields)

    def exit_event(self) -> dict[str, Any]:
        """The next end of a neard."""
        while not self.events:
            assert next(self._messages(), None) is not None, "the guard closed its socket, or nothing ended"
        return self.events.pop(0)

    def _messages(self) -> Iterator[dict[str, Any]]:
        """What the guard says, for as long as we are patient; ends of neard go to ``events`` as well."""
        limit = time.monotonic() + PATIENCE_S
        while time.monotonic() < limit:
            while b"\n" in self.buffer:
                line, self.buffer = self.buffer.split(b"\n", 1)
                message = json.loads(line)
                if message.get("event") == "exit":
                    self.events.append(message)
                yield message
            if not select.select([self.socket], [], [], 0.1)[0]:
                continue
            data = self.socket.recv(65536)
            if not data:
                return
            self.buffer += data

    # --- what can be seen from outside

    def signal_guard(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def memory_kb(self) -> int:
        """What the guard itself holds in memory: not the files of its Python, which are everybody's."""
        return anonymous_kb(Path(f"/proc/{self.process.pid}/status").read_text())


def anonymous_kb(status: str) -> int:
    """Of /proc/PID/status."""
    return int(status.split("RssAnon:")[1].split(maxsplit=1)[0])
