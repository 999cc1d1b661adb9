"""One host of a pair with real processes: its home, its supervisor, and whatever the supervisor starts."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from near_ha.errors import NearError
from near_ha.transport import control_client
from support.ports import free_port
from support.waiting import until

_MESSAGE = re.compile(r'^level=(\w+) .*? message=("(?:\\.|[^"\\])*") ', re.MULTILINE)
_END_S = 15.0


class Supervised:
    """A supervisor's command line, flag by flag, and its life. ``flags`` may be changed before a start."""

    def __init__(self, name: str, home: Path, keys: Path, neard: Path, environ: Mapping[str, str]) -> None:
        self.name, self.home = name, home
        self.run_dir = home / "run"
        self.environ = {**environ}
        self.program = [str(Path(sys.executable).with_name("near-supervisor"))]
        self.flags: dict[str, str] = {
            "--neard-home": str(home),
            "--neard": str(neard),
            "--voter-node-key": str(home / "voter_node_key.json"),
            "--validator-node-key": str(keys / "node_key.json"),
            "--validator-key": str(keys / "validator_key.json"),
            "--exporter-address": f"127.0.0.1:{free_port()}",
            "--validator-network-addr": f"127.0.0.1:{free_port()}",
            "--voter-network-addr": f"127.0.0.1:{free_port()}",
            "--account-id": "default",
            "--node-id": name,
            "--lease": "2",
            "--strategy": "restart",
            "--run-dir": str(self.run_dir),
        }
        # Each test has an account id of its own, so that one chain and one Consul serve them all.
        self.switches: list[str] = ["--account-id-differs"]
        self.log_file = home.with_name(f"{home.name}.log")
        self.process: subprocess.Popen[bytes] | None = None

    # --- its life

    def start(self, before: Callable[[], None] | None = None) -> Supervised:
        """Start the supervisor; ``before`` runs in the new process before it becomes one."""
        words = [word for pair in self.flags.items() for word in pair]
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.program, "run", *words, *self.switches], env=self.environ, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, preexec_fn=before,  # noqa: PLW1509 - tests start it from one thread
            )  # fmt: skip
        return self

    def ended(self, timeout_s: float) -> int:
        """Its exit status, which has to come in time."""
        process = self.process
        assert process is not None
        until(f"{self.name} ends", lambda: process.poll() is not None, self.evidence, timeout_s)
        return process.returncode

    def running(self) -> bool:
        """Has the supervisor not ended?"""
        return self.process is not None and self.process.poll() is None

    def stop(self) -> int:
        """SIGTERM, and its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.ended(_END_S)

    def clean_up(self) -> None:
        """SIGKILL for the supervisor, its guard and its neard, each by its pid."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        until(f"nothing of {self.name} is left", lambda: not self.processes(), self.evidence)

    # --- what can be seen of it

    def processes(self) -> dict[int, str]:
        """Guard and neard of this home: pid and command line, from /proc."""
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or (self.process is not None and int(entry.name) == self.process.pid):
                continue
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if str(self.home) in words and "--home" in words and state not in "ZX":
                found[int(entry.name)] = " ".join(words)
        return found

    def status(self) -> dict[str, Any]:
        """The answer of its control socket; {} when there is none."""
        try:
            return control_client.call(self.run_dir / "control.sock", "GET", "/status", timeout=2)
        except NearError:
            return {}

    def state(self) -> str:
        """``Voting``, ``Validating`` …; "" when it does not answer."""
        return str(self.status().get("state", ""))

    def reaches(self, state: str, timeout_s: float = 30) -> None:
        """Wait until it is in ``state``."""
        until(f"{self.name} is {state}", lambda: self.state() == state, self.evidence, timeout_s)

    def armed_pid(self) -> int | None:
        """Pid of its neard, if that may sign."""
        neard = self.status().get("neard", {})
        return neard.get("pid") if neard.get("armed") else None

    def said(self, level: str = "") -> list[str]:
        """The messages of its log, in order; those of one level only if one is named."""
        text = self.log_file.read_text(errors="replace") if self.log_file.exists() else ""
        return [str(json.loads(raw)) for found, raw in _MESSAGE.findall(text) if level in ("", found)]

    def says(self, words: str, timeout_s: float = 15, since: int = 0) -> str:
        """Wait for a message with these words in it, after the first ``since`` messages, and return it."""
        return until(
            f"{self.name} says {words!r}",
            lambda: next((message for message in self.said()[since:] if words in message), None),
            self.evidence,
            timeout_s,
        )

    def log(self) -> str:
        """Everything it wrote."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def guard_log(self) -> str:
        """Everything that its guard and its neard wrote."""
        log = self.run_dir / "neard.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def left_nothing(self) -> None:
        """No guard, no neard, and no key in neard's home."""
        until(f"nothing of {self.name} is left", lambda: not self.processes(), self.evidence)
        assert not os.path.lexists(self.home / "validator_key.json"), "the key is still in neard's home"

    def evidence(self) -> str:
        """What to print when a test fails."""
        parts = [f"--- {self.name}: exit {self.process and self.process.poll()}, {json.dumps(self.status())}"]
        parts += [f"{pid}: {words}" for pid, words in self.processes().items()]
        parts += ["\n".join(self.log().splitlines()[-40:])]
        parts += ["--- guard and neard", "\n".join(self.guard_log().splitlines()[-25:])]
        return "\n".join(parts)


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a JSON file by a rename."""
    document = json.loads(path.read_text()) if path.exists() else {}
    change(document)
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(document))
    fresh.rename(path)


def standby_home(home: Path) -> None:
    """Make what ``neard init`` wrote into a home of a pair: no validator key, and a node key for standing by."""
    (home / "validator_key.json").unlink(missing_ok=True)
    shutil.move(home / "node_key.json", home / "voter_node_key.json")
