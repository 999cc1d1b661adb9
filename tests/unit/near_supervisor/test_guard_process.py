"""The guard that the supervisor starts itself."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from near_supervisor.io import guard_process
from support.waiting import until


def test_a_guard_and_so_its_neard_is_not_given_the_token_of_consul(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir, home = tmp_path / "run", tmp_path / "home"
    run_dir.mkdir()
    home.mkdir()
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", "secret-of-consul")
    monkeypatch.setenv("RUST_LOG", "info")
    guard_process.spawn(run_dir, home, home / "validator_key.json")
    pid_file = run_dir / "guard.pid"
    pid = int(until("the guard is there", lambda: pid_file.read_text().strip() if pid_file.exists() else ""))
    try:
        environ = Path(f"/proc/{pid}/environ").read_bytes()
    finally:
        os.kill(pid, signal.SIGTERM)
    assert b"RUST_LOG=info" in environ
    assert b"secret-of-consul" not in environ
