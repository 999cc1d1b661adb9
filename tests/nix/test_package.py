"""nix/package.nix, built for real: the packed file from the sources, and the daemon compiled in a store."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support import packed
from support.nix_host import NixHost
from support.pages import ROOT


@pytest.fixture(scope="session")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packed file as tools/pack.py makes it; the wheels are in its cache afterwards."""
    file = tmp_path_factory.mktemp("packed") / "near-supervisor.pyz"
    done = packed.pack("daemon", file)
    assert done.returncode == 0, done.stderr
    return file


@pytest.fixture(scope="session")
def built(host: NixHost, ordinary: Path) -> dict[str, Path]:
    assert ordinary.is_file()
    wheels = Path(packed.cache_home()) / "near-supervisor"
    # Of a virtual environment the Python that it was made from: a directory of a checkout is not a package.
    words = f'{{ python = "{sys.base_prefix}"; wheels = {wheels}; root = {ROOT}; }}'
    build = f"import {ROOT}/tests/nix/build.nix {words}"
    return {
        name: Path(host.run("nix-build", "--no-out-link", "--expr", f"({build}).{name}").strip())
        for name in ("packed", "supervisor")
    }


def test_the_packed_file_is_the_same_wherever_it_is_made(built: dict[str, Path], ordinary: Path) -> None:
    assert built["packed"].read_bytes() == ordinary.read_bytes()


def test_the_daemon_is_compiled_in_the_store(built: dict[str, Path]) -> None:
    program = built["supervisor"] / "bin" / "near-supervisor"
    (compiled,) = program.parent.glob("near-supervisor.*.zip")
    assert compiled.name == f"near-supervisor.{sys.implementation.cache_tag}.zip"
    assert compiled.read_bytes()[-64:] == program.read_bytes()[-64:]
    # What runs from it has nothing to compile any more, and writes nothing into the store.
    done = packed.run(program, "compile")
    assert (done.returncode, done.stdout) == (0, "")


def test_the_daemon_names_its_python_and_runs_by_each_of_its_names(built: dict[str, Path]) -> None:
    programs = built["supervisor"] / "bin"
    first = (programs / "near-supervisor").read_bytes().partition(b"\n")[0].decode()
    assert first == f"#!{sys.base_prefix}/bin/python3"
    for words in (["near-supervisor", "run"], ["near-supervisor", "guard"], ["kuutamoctl"]):
        command = [str(programs / words[0]), *words[1:], "--help"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={})
        assert done.returncode == 0, done.stderr
        assert "usage:" in done.stdout


@pytest.mark.parametrize("carried", [True, False])
def test_the_garbage_collector_looks_at_environments_and_not_at_arguments(
    host: NixHost, built: dict[str, Path], carried: bool
) -> None:
    """Why a unit puts the version that runs into its environment (nix/units.nix, started)."""
    program = built["supervisor"]
    environ = {"NEAR_PROGRAM": str(program / "bin" / "near-supervisor")} if carried else {}
    running = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environ,
    )
    with running:
        assert running.stdout is not None
        assert running.stdout.readline()
        dead = host.run("nix-store", "--gc", "--print-dead").split()
        running.communicate()
    assert (str(program) in dead) is not carried


def test_wheels_are_asked_for_by_the_names_that_they_have(host: NixHost) -> None:
    """What pip calls them: the tag of the Pythons that a wheel is for is not in tools/daemon-requirements.txt."""
    asked = host.value(
        f"""let package = import {ROOT}/nix/package.nix {{ pkgs = {{
          fetchPypi = wheel: "${{wheel.pname}}-${{wheel.version}}-${{wheel.python}}-none-any.whl ${{wheel.sha256}}";
          runCommand = _name: _attrs: text: text;
        }}; }}; in package.packed {{ source = "{ROOT}"; python = "/p"; }}"""
    )
    found = dict(reversed(line.split()[1:3]) for line in asked.splitlines() if "none-any.whl" in line)
    pinned = re.findall(r"^([\w.-]+)==([\w.]+) --hash=sha256:(\w+)$", requirements(), re.MULTILINE)
    assert len(pinned) == len(found) > 0
    for name, version, digest in pinned:
        tag = "py2.py3" if name in {"six", "python-consul2"} else "py3"
        assert found[digest] == f"{name.replace('-', '_')}-{version}-{tag}-none-any.whl"


def requirements() -> str:
    return (ROOT / "tools" / "daemon-requirements.txt").read_text()
