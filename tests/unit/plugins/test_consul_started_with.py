"""Whether Consul's agent is older than its files: by what its unit noted at its start."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from support import ansible_modules

STATE = {"ActiveState": "active"}


def test_a_unit_of_nixos_is_known_by_what_it_says_of_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its text has the PATH of its nixpkgs, and an agent needs no restart for that."""
    host = ansible_modules.imported("plugins.module_utils._consul_host")
    unit, config, noted = tmp_path / "consul.service", tmp_path / "consul.json", tmp_path / "started-with"
    monkeypatch.setattr(host, "STARTED_WITH", str(noted))
    config.write_text("{}")
    noted.write_text(f"0123abcd  {unit}\n{hashlib.sha256(b'{}').hexdigest()}  {config}\n")
    unit.write_text('Environment="NEAR_UNIT=0123abcd"\nEnvironment="PATH=/nix/store/old/bin"\n')
    assert host.restart_reasons(STATE) == []
    unit.write_text('Environment="NEAR_UNIT=0123abcd"\nEnvironment="PATH=/nix/store/new/bin"\n')
    assert host.restart_reasons(STATE) == []
    unit.write_text('Environment="NEAR_UNIT=4567cdef"\nEnvironment="PATH=/nix/store/new/bin"\n')
    assert host.restart_reasons(STATE) == [f"{unit} was changed"]
    unit.write_text("no mark at all")
    assert host.restart_reasons(STATE) == [f"{unit} was changed"]
