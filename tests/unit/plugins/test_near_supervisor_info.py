"""What of a host is out of date: by the age of processes and files, and by the code of the guard."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from support.waiting import until

pytest.importorskip("ansible")


@pytest.fixture(scope="module")
def info() -> Any:
    """The module, with the imports that it has in a collection."""
    sys.path.insert(0, str(Path(__file__).parents[3]))
    try:
        return importlib.import_module("plugins.modules.near_supervisor_info")
    finally:
        del sys.path[0]


def test_a_process_is_as_old_as_it_is(info: Any) -> None:
    started = info.started_at(os.getpid())
    assert time.time() - 3600 < started <= time.time() + 0.1
    assert info.started_at(2**22 + 1) is None


def test_a_file_that_changed_after_the_start_is_named(info: Any, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.touch()
    new.touch()
    os.utime(old, (1_000, 1_000))
    os.utime(new, (3_000, 3_000))
    found = info.newer([str(old), str(new), str(tmp_path / "none")], 2_000.0)
    assert found == [f"{new} has changed"]


def test_without_a_process_nothing_is_out_of_date(info: Any, tmp_path: Path) -> None:
    assert info.newer([str(tmp_path)], None) == []


def test_another_daemon_with_the_same_guard_needs_no_restart_of_neard(info: Any, tmp_path: Path) -> None:
    codes = []
    for name, guard, rest in (("a", "one", "x"), ("b", "one", "y"), ("c", "two", "y")):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("near_supervisor/guard.py", guard)
            archive.writestr("near_supervisor/cli.py", rest)
        codes.append(info.guard_code(str(tmp_path / name)))
    assert codes[0] == codes[1] != codes[2]
    assert info.guard_code(str(tmp_path / "none")) is None


def test_versions_that_nothing_runs_are_named_and_the_current_one_is_kept(info: Any, tmp_path: Path) -> None:
    for name in ("near-supervisor-1.pyz", "near-supervisor-2.pyz", "other.pyz"):
        (tmp_path / name).touch()
        (tmp_path / f"{name}.cpython-399.zip").touch()
    found = info.unused(tmp_path, str(tmp_path / "near-supervisor-2.pyz"))
    assert found == [str(tmp_path / f"near-supervisor-1.pyz{end}") for end in ("", ".cpython-399.zip")]


def test_a_host_without_any_of_it_is_described(info: Any, tmp_path: Path) -> None:
    found = info.look(
        {
            "account_id": "nobody.near",
            "home": str(tmp_path),
            "neard": str(tmp_path / "neard"),
            "supervisor_files": [],
            "run_dir": str(tmp_path),
            "link": str(tmp_path / "near-supervisor"),
        }
    )
    assert found["status"] is None
    assert found["neard"] == {"pid": 0, "armed": False, "configured": False, "config_changed": False}
    assert (found["supervisor"]["pid"], found["guard"]["outdated"], found["unused_programs"]) == (0, [], [])


def test_a_neard_under_no_guard_is_a_stranger_and_one_under_a_guard_is_none(info: Any, tmp_path: Path) -> None:
    neard = tmp_path / "neard"
    neard.write_text("#!/bin/sh\nread -r _\n")
    neard.chmod(0o755)
    starts = "import subprocess, sys; subprocess.run([sys.argv[2], 'run'])"
    commands = {"alone": [str(neard), "run"], "guarded": [sys.executable, "-c", starts, "guard", str(neard)]}
    for name, command in commands.items():
        process = subprocess.Popen(command, stdin=subprocess.PIPE)
        try:
            until(f"the neard is there ({name})", lambda: _runs(info, neard))
            found = [line for line in info.strangers() if str(neard) in line]
            assert bool(found) == (name == "alone"), found
        finally:
            process.communicate(b"\n", timeout=10)


def _runs(info: Any, neard: Path) -> bool:
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    return any(str(neard) in info.words(pid)[:2] for pid in pids)
