"""The guard of a host as a service of its own, and the neard that it has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from near_supervisor.io import guard_process
from support.supervised import Supervised
from support.waiting import until


class GuardUnit:
    """The guard as its unit would start it; it is ended with the test."""

    def __init__(self, host: Supervised, *program: str, home: Path | None = None) -> None:
        host.run_dir.mkdir(mode=0o750, exist_ok=True)
        home = home or host.home
        words = ["--run-dir", host.run_dir, "--home", home, "--key-link", home / "validator_key.json", "--linger", "0"]
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", *(program or (guard_process.FROM_FILES,)), *map(str, words)]
        )

    def __enter__(self) -> GuardUnit:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def alive(self) -> bool:
        """Has it not ended?"""
        return self.process.poll() is None


def neard_of(host: Supervised) -> int:
    """Pid of its neard, as soon as there is one."""
    return int(until("it has a neard", lambda: host.status().get("neard", {}).get("pid"), host.evidence, 30))


def parent(pid: int) -> int:
    """Who has started a process."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
