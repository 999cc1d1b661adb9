"""What of a host is out of date: by the age of processes and files, and by the code of the guard."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from near_ha.host import processes, supervisor_host
from support.waiting import until


def test_a_process_is_as_old_as_it_is() -> None:
    started = processes.started_at(os.getpid())
    assert started is not None
    assert time.time() - 3600 < started <= time.time() + 0.1
    assert processes.started_at(2**22 + 1) is None


def test_a_file_that_changed_after_the_start_is_named(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.touch()
    new.touch()
    os.utime(old, (1_000, 1_000))
    os.utime(new, (3_000, 3_000))
    found = supervisor_host.newer([str(old), str(new), str(tmp_path / "none")], 2_000.0)
    assert found == [f"{new} has changed"]


def test_without_a_process_nothing_is_out_of_date(tmp_path: Path) -> None:
    assert supervisor_host.newer([str(tmp_path)], None) == []


def packed(path: Path, members: dict[str, str]) -> str:
    """A daemon's file with these members."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return str(path)


def test_another_daemon_with_the_same_guard_needs_no_restart_of_neard(tmp_path: Path) -> None:
    codes = []
    for name, guard, rest in (("a", "one", "x"), ("b", "one", "y"), ("c", "two", "y")):
        parts = {"near_guard/__init__.py": "", "near_guard/guard.py": guard}
        codes.append(supervisor_host.guard_code(packed(tmp_path / name, {**parts, "near_supervisor/cli.py": rest})))
    more = {"near_guard/__init__.py": "", "near_guard/guard.py": "one", "near_guard/another.py": ""}
    codes.append(supervisor_host.guard_code(packed(tmp_path / "d", more)))
    assert codes[0] == codes[1]
    assert codes[0] not in codes[2:], "any file of the guard is its code"
    assert supervisor_host.guard_code(str(tmp_path / "none")) is None


def test_the_guard_that_was_one_file_is_another_guard(tmp_path: Path) -> None:
    """It may run for months before a daemon of today comes to its host."""
    codes = [
        supervisor_host.guard_code(packed(tmp_path / name, {"near_supervisor/guard.py": guard, **rest}))
        for name, guard, rest in (("a", "one", {}), ("b", "one", {"near_supervisor/cli.py": ""}), ("c", "two", {}))
    ]
    assert codes[0] is not None
    assert codes[0] == codes[1] != codes[2]
    assert codes[0] != supervisor_host.guard_code(packed(tmp_path / "new", {"near_guard/guard.py": "one"}))
    assert supervisor_host.guard_code(packed(tmp_path / "without", {"near_supervisor/cli.py": "x"})) is None


def test_versions_that_nothing_runs_are_named_and_the_current_one_is_kept(tmp_path: Path) -> None:
    for name in ("near-supervisor-1.pyz", "near-supervisor-2.pyz", "other.pyz"):
        (tmp_path / name).touch()
        (tmp_path / f"{name}.cpython-399.zip").touch()
    found = supervisor_host.unused(tmp_path, str(tmp_path / "near-supervisor-2.pyz"))
    assert found == [str(tmp_path / f"near-supervisor-1.pyz{end}") for end in ("", ".cpython-399.zip")]


def test_a_host_without_any_of_it_is_described(tmp_path: Path) -> None:
    found = supervisor_host.look(
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
    assert found["neard"] == {"pid": 0, "armed": False, "configured": False, "config_changed": False, "elsewhere": {}}
    assert (found["supervisor"]["pid"], found["guard"]["outdated"], found["unused_programs"]) == (0, [], [])


def test_a_neard_under_no_guard_is_a_stranger_and_one_under_a_guard_is_none(tmp_path: Path) -> None:
    neard = tmp_path / "neard"
    neard.write_text("#!/bin/sh\nread -r _\n")
    neard.chmod(0o755)
    starts = "import subprocess, sys; subprocess.run([sys.argv[2], 'run'])"
    guards = "guard", "/p/near_guard/__main__.py", "/p/near_supervisor/guard.py"
    guarded = {f"under {word}": [sys.executable, "-c", starts, word, str(neard)] for word in guards}
    commands = {"alone": [str(neard), "run"], **guarded}
    for name, command in commands.items():
        process = subprocess.Popen(command, stdin=subprocess.PIPE)
        try:
            until(f"the neard is there ({name})", lambda: _runs(neard))
            found = [line for line in supervisor_host.foreign_processes() if str(neard) in line]
            assert bool(found) == (name == "alone"), found
        finally:
            process.communicate(b"\n", timeout=10)


def _runs(neard: Path) -> bool:
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    return any(str(neard) in processes.words(pid)[:2] for pid in pids)


def test_a_link_that_leads_where_this_process_may_not_look_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "validator_key.json"
    link.symlink_to("/proc/1/fd/100")

    def refuses(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if not follow_symlinks:
            return os.lstat(path)
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuses)
    found = supervisor_host.key(link)
    assert (found["exists"], found["link"], found["public_key"]) == (True, True, "")
    assert found["error"]
