"""What an installer sees of a home of neard."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from near_ha.errors import BadConfig
from near_ha.host import neard_home, processes


def test_a_home_that_is_not_there_is_empty(tmp_path: Path) -> None:
    home = tmp_path / "none"
    assert neard_home.read_config(home) == {}
    assert neard_home.left_key(home, {}) is None
    assert neard_home.is_empty(neard_home.data_dir(home, {}))
    assert neard_home.lock_holder(home / "data" / "LOCK") is None


def test_a_broken_config_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(BadConfig, match=r"config\.json cannot be used"):
        neard_home.read_config(tmp_path)


def test_paths_follow_the_config(tmp_path: Path) -> None:
    config = {"store": {"path": "/big/data"}, "genesis_file": "g.json"}
    assert neard_home.data_dir(tmp_path, config) == Path("/big/data")
    assert neard_home.data_dir(tmp_path, {"store": None}) == tmp_path / "data"
    assert neard_home.named(tmp_path, config, "genesis_file", "genesis.json") == tmp_path / "g.json"


def test_a_key_file_is_found_and_a_link_is_not(tmp_path: Path) -> None:
    key = tmp_path / "validator_key.json"
    key.symlink_to("/nowhere")
    assert neard_home.left_key(tmp_path, {}) is None
    key.unlink()
    key.write_text('{"secret_key": "ed25519:do-not-show"}')
    left = neard_home.left_key(tmp_path, {})
    assert left is not None
    assert "not readable as a key" in str(left)
    assert "do-not-show" not in str(left)
    assert neard_home.left_key(tmp_path, {"validator_key_file": "other.json"}) is None


def test_who_holds_the_lock_and_since_when(tmp_path: Path) -> None:
    lock = tmp_path / "LOCK"
    program = (
        "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.lockf(f, fcntl.LOCK_EX);"
        " print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        assert neard_home.lock_holder(lock) == child.pid
        started = processes.started_at(child.pid)
        assert started is not None
        assert abs(started - time.time()) < 10
        assert neard_home.newer_than([lock, tmp_path / "none"], started - 60) == [str(lock)]
        assert neard_home.newer_than([lock], time.time() + 60) == []
        child.communicate()
    assert neard_home.lock_holder(lock) is None
    assert processes.started_at(child.pid) is None


def test_flock_is_not_that_lock(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "LOCK", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    assert neard_home.lock_holder(tmp_path / "LOCK") is None
    os.close(descriptor)
