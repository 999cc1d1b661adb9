"""Files of the store all have one time: what a process was started with says whether it is out of date."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from near_ha.host import nixos_store, supervisor_host
from support.waiting import until


def test_the_environment_of_a_process_is_the_one_that_it_was_started_with() -> None:
    program = "import os, sys; os.environ.clear(); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program], env={"A": "b c"}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = nixos_store.started_with(process.pid)
        assert found is not None
        assert found["A"] == "b c"
        process.communicate()
    assert nixos_store.started_with(2**22 + 1) is None


def test_settings_are_read_as_both_kinds_of_host_write_them() -> None:
    text = '# Ansible managed\nA="one \\"two\\" \\\\"\nB=three\n\nC=""\n'
    assert nixos_store.settings_of(text) == {"A": 'one "two" \\', "B": "three", "C": ""}


def test_what_nixpkgs_alone_changes_is_no_reason_for_a_restart() -> None:
    shown = 'LOCALE_ARCHIVE=/nix/store/new/locale "A=b c" PATH=/nix/store/new/bin TZDIR=/nix/store/new/zone'
    wanted = nixos_store.environment_of(shown)
    assert wanted["A"] == "b c"
    assert nixos_store.differences(wanted, {"PATH": "/nix/store/old/bin", "A": "b c"}, "the unit") == []
    assert nixos_store.differences(wanted, {"A": "b"}, "the unit") == ["A of the unit has changed"]
    assert nixos_store.differences(wanted, {}, "the unit") == ["A of the unit has changed"]


def test_the_entry_of_the_store_is_found_through_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = tmp_path / "nix" / "store"
    program = store / "0123-neard" / "bin" / "neard"
    program.parent.mkdir(parents=True)
    program.touch()
    link = tmp_path / "neard"
    link.symlink_to(program)
    monkeypatch.setattr(nixos_store, "STORE", str(store))
    assert nixos_store.holds(str(link))
    assert not nixos_store.holds(str(tmp_path))
    assert nixos_store.entry(str(tmp_path)) == ""


def test_a_daemon_of_the_store_is_found_on_the_command_line() -> None:
    words = ["/nix/store/a-python3/bin/python3", "/nix/store/b-near-supervisor/bin/near-supervisor", "run"]
    assert nixos_store.program_in(words, "near-supervisor") == words[1]
    assert nixos_store.program_in(["/usr/local/bin/near-supervisor", "run"], "near-supervisor") == ""


def test_a_unit_of_the_store_is_out_of_date_by_its_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files are as old as 1970, before and after a change."""
    monkeypatch.setattr(nixos_store, "STORE", str(tmp_path))
    settings, unit = tmp_path / "my.pool.near.env", tmp_path / "near-supervisor@.service"
    unit.touch()
    settings.write_text('KUUTAMO_NODE_ID="one"\n')
    for file in (settings, unit):
        os.utime(file, (1, 1))
    started = {"KUUTAMO_NODE_ID": "one", "NEAR_UNIT": "1", "PATH": os.environ["PATH"]}
    with subprocess.Popen([sys.executable, "-c", "input()"], env=started, stdin=subprocess.PIPE) as process:
        until("it has its environment", lambda: nixos_store.started_with(process.pid) == started)
        shown = {
            "MainPID": str(process.pid),
            "FragmentPath": str(unit),
            "EnvironmentFiles": f"{settings} (ignore_errors=no)",
            "Environment": "NEAR_UNIT=1 PATH=/nix/store/x",
        }

        def outdated(**more: str) -> list[str]:
            return list(supervisor_host.process("u", {**shown, **more}, tmp_path)["outdated"])

        assert outdated() == []
        assert outdated(Environment="NEAR_UNIT=2") == ["NEAR_UNIT of the unit has changed"]
        settings.write_text('KUUTAMO_NODE_ID="two"\n')
        os.utime(settings, (1, 1))
        assert outdated() == [f"KUUTAMO_NODE_ID of {settings} has changed"]
        settings.write_text("")
        os.utime(settings, (1, 1))
        assert outdated() == [f"KUUTAMO_NODE_ID of {settings} is gone"]
        process.communicate(b"\n")
