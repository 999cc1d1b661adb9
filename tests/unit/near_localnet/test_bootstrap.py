from __future__ import annotations

import importlib.util
import os
import sys
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


def test_an_old_python_is_told_so(bootstrap: ModuleType, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "OLDEST_PYTHON", (sys.version_info[0] + 1, 0))
    with pytest.raises(bootstrap.BootstrapError, match="or later is needed"):
        bootstrap.ready(["localnet"], checkout)


def test_without_ensurepip_a_user_is_told_the_package(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(bootstrap.BootstrapError, match=r"apt-get install python3\.\d+-venv"):
        bootstrap.ready(["localnet"], tmp_path)
