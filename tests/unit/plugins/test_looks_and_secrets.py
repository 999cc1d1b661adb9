"""Modules that look at a host, by what they do not do; and secrets that outlive a loss of power."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from support import ansible_modules

pytest.importorskip("ansible.module_utils.testing")


def test_a_genesis_is_hashed_only_for_whoever_wants_to_compare_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of some chains it is gigabytes, and playbooks look every two seconds."""
    (tmp_path / "genesis.json").write_text('{"chain_id": "testnet"}')
    module = ansible_modules.load("near_node_info")
    hashed: list[Path] = []
    whole = module.checksum

    def count(path: Path) -> str:
        hashed.append(path)
        return str(whole(path))

    monkeypatch.setattr(module, "checksum", count)
    found = ansible_modules.run(module, {"path": str(tmp_path), "ask": False})
    assert (found["genesis_checksum"], found["genesis_chain_id"], hashed) == ("", "testnet", [])
    found = ansible_modules.run(module, {"path": str(tmp_path), "ask": False, "genesis_checksum": True})
    assert found["genesis_checksum"] == f"sha256:{hashlib.sha256((tmp_path / 'genesis.json').read_bytes()).hexdigest()}"


def test_a_new_secret_of_consul_is_on_the_disk_before_anybody_is_given_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    fsync = os.fsync

    def note(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    directory = tmp_path / "etc" / "secrets"
    module = ansible_modules.load("near_consul_secrets")
    arguments = {"directory": str(directory), "gossip_key": True, "tokens": ["management"]}
    made = ansible_modules.run(module, arguments)
    assert made["made"] == ["gossip-key", "token-management"]
    for path in (directory / "gossip-key", directory / "token-management", directory, directory.parent, tmp_path):
        assert path.stat().st_ino in synced, path
    for name in ("gossip-key", "token-management"):
        assert stat.S_IMODE((directory / name).stat().st_mode) == 0o600
    assert ansible_modules.run(module, arguments)["tokens"] == made["tokens"]


NO_PACKAGE = "consul:\n  Installed: (none)\n  Candidate: (none)\n  Version table:\n"
PACKAGE = "consul:\n  Installed: (none)\n  Candidate: 1.8.7\n  Version table:\n     1.8.7 500\n"
LISTS = """base-files:
  Installed: 12.4
  Candidate: 12.4
  Version table:
 *** 12.4 500
        500 http://deb.example/debian bookworm/main amd64 Packages
        100 /var/lib/dpkg/status
"""
NO_LISTS = LISTS.replace("        500 http://deb.example/debian bookworm/main amd64 Packages\n", "")


@pytest.mark.parametrize(
    ("policy", "missing"),
    [
        (LISTS + NO_PACKAGE, True),
        (LISTS, True),
        (LISTS + PACKAGE, False),
        (NO_LISTS + NO_PACKAGE, False),
        ("", False),
    ],
    ids=["none to be had", "a name that APT does not know", "one", "no lists yet", "APT says nothing"],
)
def test_that_a_release_has_no_package_is_known_before_it_is_installed(
    policy: str, missing: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "apt-cache"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{policy}END\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    given: dict[str, Any] = {"program": "/nonexistent/consul", "config_dir": str(tmp_path)}
    found = ansible_modules.run(ansible_modules.load("near_consul_info"), given)
    assert found["package_missing"] is missing


def test_a_host_without_apt_lacks_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    module = ansible_modules.load("near_consul_info")
    assert module.package_missing() is False


@pytest.mark.parametrize(
    ("network", "count"),
    [({}, 0), ({"boot_nodes": ""}, 0), ({"boot_nodes": None}, 0), ({"boot_nodes": "ed25519:A@a:1, ed25519:B@b:2"}, 2)],
)
def test_the_boot_nodes_of_a_home_are_counted(tmp_path: Path, network: dict[str, Any], count: int) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"network": network}))
    found = ansible_modules.run(ansible_modules.load("near_node_info"), {"path": str(tmp_path), "ask": False})
    assert found["boot_nodes"] == count
