"""Consul from the machine's own archive, for real: verified, without root's rights, the system untouched."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from near_localnet.apt_sources import own_archives, read_sources
from near_localnet.consul_install import ensure_consul
from near_localnet.private_apt import os_release

pytestmark = pytest.mark.integration

SYSTEM_STATE = (Path("/var/lib/apt/lists"), Path("/var/lib/dpkg/status"), Path("/etc/apt"))


def has_own_archive() -> bool:
    release = os_release(Path("/etc/os-release").read_text())
    return bool(own_archives(read_sources(Path("/etc/apt")), release.get("VERSION_CODENAME", "")))


@pytest.mark.skipif(not has_own_archive(), reason="this machine has no archive of its own distribution to fetch from")
def test_consul_is_fetched_once_and_the_system_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("consul", path="/usr/bin:/bin"):
        pytest.skip("this machine has a consul of its own")
    monkeypatch.delenv("CONSUL", raising=False)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    before = [path.stat().st_mtime_ns for path in SYSTEM_STATE]
    said: list[str] = []
    consul = ensure_consul(tmp_path, said.append)
    assert consul == tmp_path / "bin" / "consul"
    assert len(said) == 1
    version = subprocess.run([consul, "version"], capture_output=True, text=True, check=True).stdout
    assert version.startswith("Consul v1.")
    assert ensure_consul(tmp_path, said.append) == consul
    assert len(said) == 1, "the second time there is nothing to fetch"
    assert [path.stat().st_mtime_ns for path in SYSTEM_STATE] == before
