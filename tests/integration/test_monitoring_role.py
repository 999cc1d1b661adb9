"""Role monitoring on this machine, in directories of the test: what it writes, and that a second run has no change."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytest.importorskip("ansible.cli")

ROOT = Path(__file__).resolve().parents[2]
PLAY = """\
- hosts: prometheus
  gather_facts: false
  roles: [validator_ha.near.monitoring]
"""
INVENTORY = """\
all:
  children:
    prometheus: {hosts: {here: {ansible_connection: local}}}
    validators: {hosts: {validator1: {ansible_host: 10.0.0.1}, validator2: {}}}
    consul_servers: {hosts: {validator1: {}, validator2: {}}}
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="its files are root's")
def test_what_it_writes(tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text(PLAY)
    (tmp_path / "inventory.yml").write_text(INVENTORY)
    places = {name: str(tmp_path / name) for name in ("rules", "targets", "dashboards")}
    words = ["--extra-vars", json.dumps({f"monitoring_{name}_dir": path for name, path in places.items()})]
    environ = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "playbooks" / "collections"),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_NOCOLOR": "1",
    }
    for changed in (True, False):
        done = subprocess.run(
            [Path(sys.executable).with_name("ansible-playbook"), "-i", "inventory.yml", "play.yml", *words],
            cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=110,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert ("changed=0" not in done.stdout) == changed, done.stdout
    targets = {file.stem: yaml.safe_load(file.read_text()) for file in (tmp_path / "targets").iterdir()}
    assert targets == {
        "near-supervisor": [{"targets": ["10.0.0.1:2233", "validator2:2233"]}],
        "near-consul": [{"targets": ["10.0.0.1:8500", "validator2:8500"]}],
    }
    files = ROOT / "roles" / "monitoring" / "files"
    for place, name in (("rules", "near-validator.rules.yml"), ("dashboards", "near-validator.json")):
        assert (tmp_path / place / name).read_bytes() == (files / name).read_bytes()
