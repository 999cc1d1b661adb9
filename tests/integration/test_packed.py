"""The packed files as programs, on every Python from 3.10 on that is on this machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from support.guard_rig import GuardRig
from support.packed import ROOT, cache_home, pack_all, run
from support.pythons import pythons

pytestmark = pytest.mark.integration

PYTHONS = pythons()
MAX_GUARD_KB = 15 * 1024


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each target, packed once."""
    return pack_all(tmp_path_factory.mktemp("packed"))


@pytest.mark.parametrize("python", PYTHONS)
def test_every_python_packs_the_same_bytes(packed: dict[str, Path], tmp_path: Path, python: str) -> None:
    done = run(python, ROOT / "tools" / "pack.py", "daemon", "--out", tmp_path / "x", XDG_CACHE_HOME=cache_home())
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "x").read_bytes() == packed["daemon"].read_bytes()


@pytest.mark.parametrize("python", PYTHONS)
def test_the_daemon_runs_by_its_names(packed: dict[str, Path], tmp_path: Path, python: str) -> None:
    daemon = packed["daemon"]
    said = run(python, "-I", "-W", "error", daemon, "--version")
    assert said.stdout.startswith("near-supervisor "), said.stderr
    said = run(python, "-I", daemon, "run", "--help")
    assert "--consul-token-file" in said.stdout, said.stderr
    for name, words, expected in (
        ("kuutamoctl", ("--help",), "active-validator"),
        ("kuutamod", ("--version",), "kuutamod (near-supervisor"),
        ("near-supervisor", ("run", "--help"), "--neard-home"),
    ):
        (tmp_path / name).symlink_to(daemon)
        said = run(python, "-I", tmp_path / name, *words)
        assert expected in said.stdout, said.stderr
    # Consul cannot be asked: all that a request needs has been imported until then.
    said = run(python, "-I", tmp_path / "kuutamoctl", "--consul-url", "http://127.0.0.1:1", "active-validator")
    assert (said.returncode, said.stdout) == (1, "")
    assert "127.0.0.1:1: Connection refused" in said.stderr
    assert "Warning" not in said.stderr


def test_it_runs_as_a_program(packed: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "kuutamoctl").symlink_to(packed["daemon"])
    assert "active-validator" in run(tmp_path / "kuutamoctl", "--help").stdout
    assert packed["daemon"].read_bytes().startswith(b"#!/usr/bin/env python3\n")


def test_a_link_that_is_moved_does_not_pull_the_file_away(packed: dict[str, Path], tmp_path: Path) -> None:
    link = tmp_path / "kuutamoctl"
    link.symlink_to(packed["daemon"])
    look = "import runpy, sys; sys.argv = [sys.argv[1], '--version']; sys.path.insert(0, sys.argv[0])"
    look += "\ntry: runpy.run_path(sys.argv[0], run_name='__main__')\nexcept SystemExit: pass"
    look += "\nprint(sys.modules['near_supervisor'].__file__)"
    assert str(packed["daemon"]) in run(sys.executable, "-c", look, link).stdout


def test_it_brings_no_cryptography_and_takes_nothing_from_the_host(packed: dict[str, Path]) -> None:
    look = (
        "import json, sys; sys.path.insert(0, sys.argv[1]); import near_supervisor.cli, near_supervisor.kuutamoctl;"
        "print(json.dumps([getattr(m, '__file__', None) or '' for m in list(sys.modules.values())]))"
    )
    files = json.loads(run(sys.executable, "-I", "-S", "-c", look, packed["daemon"]).stdout)
    assert any("consul" in file for file in files)
    assert not [file for file in files if "site-packages" in file or "cryptography" in file]


def test_the_daemons_authorities_are_the_hosts(packed: dict[str, Path]) -> None:
    look = "import sys; sys.path.insert(0, sys.argv[1]); import certifi; print(certifi.where())"
    where = run(sys.executable, "-I", "-c", look, packed["daemon"]).stdout.strip()
    assert where.startswith("/")
    assert str(packed["daemon"]) not in where


@pytest.mark.parametrize("python", PYTHONS)
def test_the_guard_runs_from_it_and_stays_small(packed: dict[str, Path], tmp_path: Path, python: str) -> None:
    with GuardRig(tmp_path, program=[python, "-I", "-S", str(packed["daemon"]), "guard"]) as rig:
        rig.start("sleep", "60", armed=True, ms=30_000)
        assert rig.memory_kb() <= MAX_GUARD_KB
        rig.ask("kill")
        assert rig.exit_event()["armed"] is True


@pytest.mark.parametrize("python", PYTHONS)
def test_the_simulated_neard_runs_or_says_what_is_missing(packed: dict[str, Path], tmp_path: Path, python: str) -> None:
    neard = tmp_path / "neard"
    neard.symlink_to(packed["neard-sim"])
    has = run(python, "-I", "-c", "import cryptography").returncode == 0
    words = ("init", "--chain-id", "test-chain", "--account-id", "a.near")
    said = run(python, "-I", neard, "--home", tmp_path / "home", *words)
    if has:
        assert said.returncode == 0, said.stderr
        assert (tmp_path / "home" / "node_key.json").is_file()
        assert "(build simulated)" in run(python, "-I", neard, "--version").stdout
    else:
        assert said.returncode == 1
        assert "apt-get install python3-cryptography" in said.stderr
