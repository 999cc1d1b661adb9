"""The packed files as programs, on every Python from 3.10 on that is on this machine."""

from __future__ import annotations

import json
import os
import shutil
import sys
import zipfile
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
        "import json, sys; sys.path.insert(0, sys.argv[1]); "
        "import near_supervisor.commandline.main, near_supervisor.commandline.kuutamoctl;"
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


# --- compiled for one Python


def own_copy(packed: dict[str, Path], directory: Path) -> Path:
    """The daemon's file, in a place of its own."""
    directory.mkdir(exist_ok=True)
    return Path(shutil.copy(packed["daemon"], directory / "near-supervisor.pyz"))


def compile_for(python: str, daemon: Path) -> Path:
    done = run(python, "-I", daemon, "compile")
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.removesuffix("\n"))


def marked(compiled: Path) -> None:
    """Let the bytecode, and nothing else, say another version."""
    with zipfile.ZipFile(compiled) as archive:
        members, comment = {name: archive.read(name) for name in archive.namelist()}, archive.comment
    members["near_supervisor/__init__.pyc"] = members["near_supervisor/__init__.pyc"].replace(b"0.1.0", b"9.9.9")
    with zipfile.ZipFile(compiled, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.comment = comment


def runs_from(python: str, daemon: Path) -> str:
    """Which of the two a start takes: bytecode that is ``marked``, or the sources."""
    said = run(python, "-I", "-W", "error", daemon, "--version")
    assert said.returncode == 0, said.stderr
    return {"near-supervisor 9.9.9\n": "bytecode", "near-supervisor 0.1.0\n": "sources"}[said.stdout]


@pytest.mark.parametrize("python", PYTHONS)
def test_what_is_compiled_once_is_taken_at_each_start(packed: dict[str, Path], tmp_path: Path, python: str) -> None:
    daemon = own_copy(packed, tmp_path)
    compiled = compile_for(python, daemon)
    assert compiled.parent == tmp_path
    assert compiled.stat().st_mode & 0o777 == 0o644
    again = run(python, "-I", daemon, "compile")
    assert (again.returncode, again.stdout) == (0, ""), "there is nothing left to do"
    assert sorted(tmp_path.iterdir()) == sorted([daemon, compiled])
    marked(compiled)
    assert runs_from(python, daemon) == "bytecode"
    link = tmp_path / "kuutamod"
    link.symlink_to(daemon)
    assert "(near-supervisor 9.9.9)" in run(python, "-I", link, "--version").stdout
    rig_dir = tmp_path / "rig"
    rig_dir.mkdir()
    with GuardRig(rig_dir, program=[python, "-I", "-S", str(daemon), "guard"]) as rig:
        rig.start("sleep", "60", armed=True, ms=30_000)
        assert rig.memory_kb() <= MAX_GUARD_KB


def test_bytecode_is_never_taken_that_another_user_may_have_written(packed: dict[str, Path], tmp_path: Path) -> None:
    daemon = own_copy(packed, tmp_path)
    compiled = compile_for(sys.executable, daemon)
    marked(compiled)
    assert runs_from(sys.executable, daemon) == "bytecode"
    for mode in (0o664, 0o646):
        compiled.chmod(mode)
        assert runs_from(sys.executable, daemon) == "sources"
    compiled.chmod(0o644)
    aside = compiled.rename(tmp_path / "aside")
    compiled.symlink_to(aside)
    assert runs_from(sys.executable, daemon) == "sources"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_bytecode_is_never_taken_from_a_third_user(packed: dict[str, Path], tmp_path: Path) -> None:
    daemon = own_copy(packed, tmp_path)
    compiled = compile_for(sys.executable, daemon)
    marked(compiled)
    os.chown(compiled, 12345, 12345)
    assert runs_from(sys.executable, daemon) == "sources"
    os.chown(daemon, 12345, 12345)
    assert runs_from(sys.executable, daemon) == "bytecode", "who owns the file itself may own this, too"


def test_bytecode_of_another_version_or_torn_is_never_taken(packed: dict[str, Path], tmp_path: Path) -> None:
    daemon = own_copy(packed, tmp_path)
    compiled = compile_for(sys.executable, daemon)
    marked(compiled)
    whole = compiled.read_bytes()
    for broken in (whole[: len(whole) // 2], b"", whole[:-64] + b"0" * 64):
        compiled.write_bytes(broken)
        assert runs_from(sys.executable, daemon) == "sources"
    assert compile_for(sys.executable, daemon) == compiled, "it is made anew"
    marked(compiled)
    assert runs_from(sys.executable, daemon) == "bytecode"


def test_bytecode_of_another_python_is_passed_over(packed: dict[str, Path], tmp_path: Path) -> None:
    daemon = own_copy(packed, tmp_path)
    compiled = compile_for(sys.executable, daemon)
    marked(compiled)
    with zipfile.ZipFile(compiled) as archive:
        magic = archive.read("near_supervisor/__init__.pyc")[:4]
    compiled.write_bytes(compiled.read_bytes().replace(magic, b"\1\1\r\n"))
    assert runs_from(sys.executable, daemon) == "sources"


def test_where_nothing_can_be_written_it_runs_as_it_is(packed: dict[str, Path], tmp_path: Path) -> None:
    daemon = own_copy(packed, tmp_path / "place")
    # Whatever the user may do, a directory has this name.
    tag = sys.implementation.cache_tag
    (tmp_path / "place" / f"{daemon.name}.{tag}.zip").mkdir()
    done = run(sys.executable, "-I", daemon, "compile")
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot be written: Is a directory. Compile it as" in done.stderr
    assert runs_from(sys.executable, daemon) == "sources"


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
