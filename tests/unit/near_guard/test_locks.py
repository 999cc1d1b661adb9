"""One neard for one data directory, one guard for one home."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.guard_rig import GuardRig

SLEEP = ("sleep", "60")


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[GuardRig]:
    with GuardRig(tmp_path) as running:
        yield running


def test_a_foreign_process_on_the_data_directory_is_named_and_lock_stays(rig: GuardRig) -> None:
    with rig.lock.open("w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        error = rig.start(*SLEEP)["error"]
        assert f"process {os.getpid()} " in error
        assert str(rig.lock) in error
    assert rig.lock.exists()
    assert rig.start(*SLEEP).get("ok"), "a LOCK file that nobody holds means nothing"


def test_one_guard_for_one_home(rig: GuardRig) -> None:
    second = rig.spawn()
    assert second.wait(10) == 1
    said = rig.log.read_text()
    assert "another near-guard holds" in said
    assert f"process {rig.ask('hello')['pid']} with run directory {rig.run_dir}; this one has" in said
    assert rig.ask("hello")["ok"]
