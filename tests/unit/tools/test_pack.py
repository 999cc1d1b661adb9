"""The packed files: the same bytes from the same sources, and what is in them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from support.packed import ROOT, TARGETS, cache_home, pack, pack_all, run


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each target, packed once."""
    return pack_all(tmp_path_factory.mktemp("packed"))


# --- what is in it


@pytest.mark.parametrize("target", TARGETS)
def test_the_same_sources_elsewhere_give_the_same_bytes(packed: dict[str, Path], tmp_path: Path, target: str) -> None:
    """As in an installed collection: no .git, no pyproject.toml, other times, another umask."""
    root = tmp_path / "ansible_collections" / "validator_ha" / "near"
    for name in ("src", "plugins", "tools"):
        shutil.copytree(ROOT / name, root / name, copy_function=shutil.copyfile)
    (root / "src" / "near_supervisor" / "__pycache__" / "old.cpython-399.pyc").parent.mkdir(exist_ok=True)
    (root / "src" / "near_supervisor" / "__pycache__" / "old.cpython-399.pyc").write_bytes(b"stale")
    umask = os.umask(0o077)
    try:
        done = pack(
            target, tmp_path / "again", root, PYTHONHASHSEED="7", SOURCE_DATE_EPOCH="1", LC_ALL="C", TZ="Asia/Tokyo"
        )
    finally:
        os.umask(umask)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "again").read_bytes() == packed[target].read_bytes()
    assert (tmp_path / "again").stat().st_mode & 0o777 == 0o755


def test_it_holds_sources_and_licences_and_nothing_else(packed: dict[str, Path]) -> None:
    with zipfile.ZipFile(packed["daemon"]) as archive:
        entries = archive.infolist()
    names = [entry.filename for entry in entries]
    assert names == sorted(names)
    assert {(entry.date_time, entry.external_attr >> 16, entry.compress_type) for entry in entries} == {
        ((1980, 1, 1, 0, 0, 0), 0o100644, zipfile.ZIP_STORED)
    }
    others = [name for name in names if not name.endswith(".py")]
    assert all("LICEN" in name or "NOTICE" in name for name in others)
    packages = {name.partition("/")[0] for name in names if name.endswith(".py")}
    assert packages == {
        "__main__.py", "near_supervisor", "near_guard", "near_ha", "consul", "prometheus_client", "requests", "urllib3",
        "idna", "charset_normalizer", "shtab", "six.py", "certifi.py",
    }  # fmt: skip
    licensed = {name.partition("-")[0] for name in others}
    own = {"__main__.py", "near_supervisor", "near_guard", "near_ha", "certifi.py"}
    assert licensed == packages - own - {"consul", "six.py"} | {"python_consul2", "six"}


def test_the_pins_are_those_of_the_project() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    pins = dict(
        line.split(" ")[0].split("==")
        for line in (ROOT / "tools" / "daemon-requirements.txt").read_text().splitlines()
        if not line.startswith("#")
    )
    for name in ("python-consul2", "prometheus-client"):
        assert f'"{name}=={pins[name]}"' in project


# --- where it goes, and where from


def test_in_a_directory_it_is_named_by_its_contents(tmp_path: Path, packed: dict[str, Path]) -> None:
    done = pack("daemon", f"{tmp_path}/new/")
    assert done.returncode == 0, done.stderr
    [made] = (tmp_path / "new").iterdir()
    assert done.stdout == f"{made}\n"
    digest = subprocess.run(["sha256sum", str(made)], capture_output=True, text=True, check=True).stdout
    assert made.name == f"near-supervisor-{digest[:12]}.pyz"
    before = made.stat()
    assert pack("daemon", f"{tmp_path}/new").stdout == f"{made}\n"
    assert made.stat().st_mtime_ns == before.st_mtime_ns, "what is there already is not written again"


def test_a_second_time_needs_no_network(tmp_path: Path, packed: dict[str, Path]) -> None:
    done = pack("daemon", tmp_path / "x", PIP_NO_INDEX="1", PIP_FIND_LINKS="", PATH="/nonexistent")
    assert done.returncode == 0, done.stderr
    assert "fetching" not in done.stderr


def test_a_damaged_cache_is_not_believed(tmp_path: Path, packed: dict[str, Path]) -> None:
    mine = tmp_path / "cache"
    shutil.copytree(Path(cache_home()) / "near-supervisor", mine / "near-supervisor")
    victim = min((mine / "near-supervisor").glob("*.whl"))
    victim.write_bytes(b"not a wheel")
    environ = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}
    done = pack("daemon", tmp_path / "x", ROOT, **environ, XDG_CACHE_HOME=str(mine))
    assert done.returncode == 1
    assert done.stdout == ""
    assert "pip could not fetch" in done.stderr
    assert "PIP_FIND_LINKS" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "x").exists()


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = pack("neard-sim", tmp_path / "file" / "x")
    assert done.returncode == 1
    assert f"--out {tmp_path / 'file' / 'x'} cannot be written: " in done.stderr


def test_a_tree_that_lacks_a_part_is_named(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    done = pack("daemon", tmp_path / "x", tmp_path)
    assert done.returncode == 1
    assert f"{tmp_path / 'src' / 'near_supervisor'} is missing" in done.stderr


def test_help_teaches() -> None:
    said = run(sys.executable, ROOT / "tools" / "pack.py", "--help").stdout
    assert "examples:" in said
    assert "PIP_FIND_LINKS" in said
