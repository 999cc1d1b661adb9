from __future__ import annotations

import ensurepip
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "tools" / "bootstrap.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkout(tmp_path: Path, bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose environment works, and pip that only takes notes."""
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / ".venv").mkdir()
    monkeypatch.setattr(bootstrap, "_runs", lambda python: True)
    monkeypatch.setattr(
        bootstrap, "_install", lambda python, root, extras: (root / "pip.log").open("a").write(",".join(extras) + "\n")
    )
    return tmp_path


def installs(checkout: Path) -> list[str]:
    return (checkout / "pip.log").read_text().splitlines()


def test_nothing_is_installed_twice(bootstrap: ModuleType, checkout: Path) -> None:
    for _ in range(2):
        assert bootstrap.ready(["localnet"], checkout) == checkout / ".venv" / "bin" / "python"
    assert installs(checkout) == ["localnet"]


def test_a_further_extra_keeps_what_is_there(bootstrap: ModuleType, checkout: Path) -> None:
    bootstrap.ready(["localnet"], checkout)
    bootstrap.ready(["localnet", "dev"], checkout)
    bootstrap.ready(["localnet"], checkout)
    assert installs(checkout) == ["localnet", "dev,localnet"]


def test_a_changed_pyproject_installs_again(bootstrap: ModuleType, checkout: Path) -> None:
    bootstrap.ready(["localnet"], checkout)
    (checkout / "pyproject.toml").write_text("[project]\nversion = 2\n")
    bootstrap.ready(["localnet"], checkout)
    assert installs(checkout) == ["localnet", "localnet"]


def test_a_checkout_that_was_moved_or_copied_gets_an_environment_of_its_own(
    bootstrap: ModuleType, checkout: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What is installed names the directory that it was installed from: another one's code would run."""
    bootstrap.ready(["localnet"], checkout)
    copy = tmp_path_factory.mktemp("other") / "a b"
    shutil.copytree(checkout, copy)
    made: list[Path] = []
    monkeypatch.setattr(bootstrap, "_make_venv", made.append)
    for _ in range(2):
        bootstrap.ready(["localnet"], copy)
        bootstrap.ready(["localnet"], checkout)
    assert made == [copy / ".venv"]
    assert installs(copy) == ["localnet", "localnet"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_checkout_that_nobody_may_write_is_no_traceback(bootstrap: ModuleType, checkout: Path) -> None:
    checkout.chmod(0o555)
    with pytest.raises(bootstrap.BootstrapError, match="cannot be written"):
        bootstrap.ready(["localnet"], checkout)


def test_a_place_that_is_no_directory_is_no_traceback(bootstrap: ModuleType, checkout: Path) -> None:
    (checkout / ".tools").write_text("")
    with pytest.raises(bootstrap.BootstrapError, match=r"\.tools") as caught:
        bootstrap.ready(["localnet"], checkout)
    assert "in a checkout that you may write" in str(caught.value)


def test_what_pip_says_of_it_is_said(bootstrap: ModuleType) -> None:
    said = """\
  WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError': /simple/setuptools/
  ERROR: Could not find a version that satisfies the requirement setuptools>=77
  ╰─> See above for output.
note: This error originates from a subprocess, and is likely not a problem with pip.
"""
    reason = bootstrap._pips_reason(said)
    assert "NewConnectionError" in reason
    assert "ERROR: Could not find a version" in reason
    assert "note:" not in reason
    assert bootstrap._pips_reason("something else\n") == "something else"


def test_an_old_python_is_told_so(bootstrap: ModuleType, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "OLDEST_PYTHON", (sys.version_info[0] + 1, 0))
    with pytest.raises(bootstrap.BootstrapError, match="or later is needed"):
        bootstrap.ready(["localnet"], checkout)


@pytest.fixture
def without_ensurepip(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[pytest.MonkeyPatch]:
    """As with Debian's python3 alone, and with no wheel of pip on the system."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(bootstrap, "SYSTEM_WHEELS", tmp_path / "no" / "wheels")
    before = list(sys.path)
    yield monkeypatch
    sys.path[:] = before


@pytest.mark.usefixtures("without_ensurepip")
def test_without_ensurepip_and_without_its_package_a_user_is_told_both(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(bootstrap.BootstrapError, match=r"apt-get install python3\.\d+-venv") as caught:
        bootstrap.ready(["localnet"], tmp_path)
    assert "fetching the package python3-pip-whl needs apt-get" in str(caught.value)


@pytest.mark.usefixtures("without_ensurepip")
def test_without_ensurepip_the_distributions_pip_is_used(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = max((Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"), default=None)
    if bundled is None:
        pytest.skip("this Python's ensurepip has its wheels elsewhere")
    monkeypatch.setattr(bootstrap, "SYSTEM_WHEELS", bundled.parent)
    venv = tmp_path / "a b" / ".venv"
    venv.parent.mkdir()
    bootstrap._make_venv(venv)
    said = subprocess.run(
        [venv / "bin" / "python", "-m", "pip", "--version"], capture_output=True, text=True, check=True
    )
    assert str(venv) in said.stdout


def test_a_link_to_an_environment_is_not_followed(bootstrap: ModuleType, tmp_path: Path) -> None:
    """It may be another checkout's, which would be emptied."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "kept").write_text("")
    (tmp_path / ".venv").symlink_to(other)
    bootstrap._make_venv(tmp_path / ".venv")
    assert (other / "kept").exists()
    assert not (tmp_path / ".venv").is_symlink()


def test_a_link_to_an_environment_that_works_is_not_installed_into(
    bootstrap: ModuleType, checkout: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "of-another").touch()
    (checkout / ".venv").rmdir()
    (checkout / ".venv").symlink_to(other)
    made: list[Path] = []

    def make(venv: Path) -> None:
        made.append(venv)
        venv.unlink()
        venv.mkdir()

    monkeypatch.setattr(bootstrap, "_make_venv", make)
    for _ in range(2):
        bootstrap.ready(["localnet"], checkout)
    assert made == [checkout / ".venv"]
    assert [path.name for path in other.iterdir()] == ["of-another"]
