"""A new NixOS is built, asked, tried and kept; whatever goes wrong on that way, the old one runs and boots."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from support import ansible_modules

OLD, NEW = "system-old", "system-new"
# Each command notes how it was called; what it does is a file of the host's.
NIXOS_REBUILD = """
[ -e "$HOST/does-not-build" ] && { echo "error: undefined variable" >&2; exit 1; }
cp "${3#nixos-config=}" "$HOST/built-from"
ln -s "$HOST/$(cat $HOST/builds)" result
"""
SWITCH = """
case "$1" in
  dry-activate) cat "$HOST/would" >&2 ;;
  test) [ -e "$HOST/fails-$(basename "$SYSTEM")" ] && { echo "warning: the following units failed: x.service"; exit 4; }
        ln -sfn "$SYSTEM" "$HOST/running" ;;
esac
"""
NIX_ENV = 'ln -sfn "$4" "$HOST/booted"'
SYSTEMD_RUN = """
case "$*" in *--on-active*) touch "$HOST/promised"; exit 0 ;; esac
while [ "${1#--}" != "$1" ]; do
  case "$1" in --property=StandardError=append:*) log=${1#--property=StandardError=append:} ;; esac
  shift
done
"$@" >>"$log" 2>&1
exit $?
"""
SYSTEMCTL = """
case "$*" in "stop near-nixos-rollback.timer") rm -f "$HOST/promised" ;; show*) echo LoadState=loaded ;; esac
"""


class NixosHost:
    """A directory that a host's programs work in."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.module = ansible_modules.load("near_nixos_system")
        self.system = self.module.nixos_system
        for name in (OLD, NEW):
            (root / name / "bin").mkdir(parents=True)
            (root / name / "etc/systemd/system").mkdir(parents=True)
            (root / name / "etc/systemd/system/consul.service").touch()
            self.program(root / name / "bin/switch-to-configuration", f'SYSTEM="{root / name}"\n{SWITCH}')
        programs = root / "programs"
        programs.mkdir()
        for command, text in (
            ("nixos-rebuild", NIXOS_REBUILD),
            ("nix-env", NIX_ENV),
            ("systemd-run", SYSTEMD_RUN),
            ("systemctl", SYSTEMCTL),
        ):
            self.program(programs / command, text)
        patch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        patch.setenv("HOST", str(root))
        for name, path in (
            ("MARK", "NIXOS"),
            ("RUNNING", "running"),
            ("BOOTED", "booted"),
            ("CHANNELS", "channels"),
            ("NOTES", "notes"),
            ("RUN_DIRECTORY", "run"),
        ):
            patch.setattr(self.system, name, root / path)
        self.armed: list[str] = []
        patch.setattr(self.system, "armed", lambda: self.armed)
        patch.setattr(os, "fchown", lambda *_: None)
        (root / "NIXOS").touch()
        (root / "nixos").mkdir()
        (root / "nixos/configuration.nix").write_text("{ imports = [ ./validator-ha ]; }\n")
        for name in ("running", "booted"):
            (root / name).symlink_to(root / OLD)
        self.builds(NEW)
        self.would("")

    def program(self, path: Path, text: str) -> None:
        path.write_text(f'#!/bin/sh\necho "$(basename $0) $*" >> "{self.root}/calls"\n{text}\n:\n')
        path.chmod(0o755)

    def builds(self, name: str) -> None:
        (self.root / "builds").write_text(name)

    def would(self, text: str) -> None:
        (self.root / "would").write_text(f"would activate the configuration...\n{text}")

    def call(self, *, check: bool = False, **arguments: Any) -> dict[str, Any]:
        given = {"directory": str(self.root / "nixos"), "settings": {"enable": True}, "wait": 1, **arguments}
        return ansible_modules.run(self.module, given, check=check)

    def runs(self) -> tuple[str, str]:
        """The system that runs, and the one that boots."""
        return Path(os.path.realpath(self.root / "running")).name, Path(os.path.realpath(self.root / "booted")).name

    def calls(self) -> str:
        file = self.root / "calls"
        return file.read_text() if file.exists() else ""

    def ours(self) -> list[str]:
        return sorted(str(file.relative_to(self.root / "nixos")) for file in (self.root / "nixos").rglob("*"))


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NixosHost:
    return NixosHost(tmp_path, monkeypatch)


def test_a_new_system_is_tried_and_only_then_kept(host: NixosHost) -> None:
    tried = host.call()
    assert (tried["changed"], tried["pending"]) == (True, True)
    assert host.runs() == (NEW, OLD), "a reboot brings the old one back until the host was seen"
    assert (host.root / "promised").exists()
    assert host.ours() == ["configuration.nix"], "what the host has is as it was"
    kept = host.call(state="kept")
    assert kept["changed"]
    assert host.runs() == (NEW, NEW)
    assert not (host.root / "promised").exists()
    settings = json.loads((host.root / "nixos/validator-ha/settings.json").read_text())
    assert settings == {"enable": True}


def test_the_system_that_runs_and_boots_is_left_alone_and_not_built_again(host: NixosHost) -> None:
    host.call()
    host.call(state="kept")
    again = host.call()
    assert (again["changed"], again["pending"], again["actions"]) == (False, False, [])
    builds = host.calls().count("nixos-rebuild")
    assert not host.call()["changed"]
    assert host.calls().count("nixos-rebuild") == builds
    (host.root / "nixos/configuration.nix").write_text("{ imports = [ ./validator-ha ]; more = 1; }\n")
    host.call()
    assert host.calls().count("nixos-rebuild") == builds + 1, "its owner has changed something"


def test_check_mode_builds_and_asks_and_nothing_else(host: NixosHost) -> None:
    found = host.call(check=True)
    assert found["changed"]
    assert any("activate" in action for action in found["actions"])
    assert '"enable": true' in found["diff"]["after"]
    assert host.runs() == (OLD, OLD)
    assert host.ours() == ["configuration.nix"]
    assert [line.split()[:2] for line in host.calls().splitlines()] == [
        ["nixos-rebuild", "build"],
        ["switch-to-configuration", "dry-activate"],
    ]


def test_what_would_end_the_signer_is_only_built(host: NixosHost) -> None:
    host.armed = ["my.pool.near"]
    host.would("would stop the following units: consul.service, other.service\n")
    found = host.call()
    assert not found["changed"]
    assert (found["left"], found["armed"]) == (["consul.service would be stopped"], ["my.pool.near"])
    assert host.runs() == (OLD, OLD)
    assert " test" not in host.calls()
    host.armed = []
    assert host.call()["pending"], "on a standby it is done"


def test_a_host_that_validates_waits_for_its_turn(host: NixosHost) -> None:
    host.armed = ["my.pool.near"]
    found = host.call(signers=False)
    assert (found["deferred"], found["changed"]) == (True, False)
    assert host.runs() == (OLD, OLD)
    assert host.call(signers=True)["pending"], "and is done where nothing of it is touched"


def test_a_line_that_is_not_known_stops_it(host: NixosHost) -> None:
    host.would("would do something to my.pool.near\n")
    found = host.call()
    assert found["failed"]
    assert "'would do something to my.pool.near'" in found["msg"]
    assert host.runs() == (OLD, OLD)
    assert host.call(known_lines=["would do something to "])["pending"]


def test_a_configuration_that_does_not_build_changes_nothing(host: NixosHost) -> None:
    (host.root / "does-not-build").touch()
    found = host.call()
    assert found["failed"]
    assert "undefined variable" in found["msg"]
    assert host.ours() == ["configuration.nix"]


def test_a_system_with_a_unit_that_fails_is_taken_back(host: NixosHost) -> None:
    (host.root / f"fails-{NEW}").touch()
    found = host.call()
    assert found["failed"]
    assert "the following units failed: x.service" in found["msg"]
    assert "The old system was activated again" in found["msg"]
    assert host.runs() == (OLD, OLD)
    assert host.ours() == ["configuration.nix"]
    assert not (host.root / "promised").exists()


def test_a_system_under_which_something_is_missing_is_taken_back(
    host: NixosHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.call()
    monkeypatch.setattr(host.system, "missing", lambda *_: "consul.service does not run")
    found = host.call(state="kept")
    assert found["failed"]
    assert "consul.service does not run. The old system was activated again" in found["msg"]
    assert host.runs() == (OLD, OLD)
    assert host.ours() == ["configuration.nix"]


def test_a_host_that_has_gone_back_by_itself_is_not_kept(host: NixosHost) -> None:
    host.call()
    (host.root / "running").unlink()
    (host.root / "running").symlink_to(host.root / OLD)
    found = host.call(state="kept")
    assert found["failed"]
    assert "the host has its old system again" in found["msg"]
    assert host.runs() == (OLD, OLD)


def test_a_run_that_was_broken_off_is_carried_on(host: NixosHost) -> None:
    host.call()
    again = host.call()
    assert again["pending"]
    assert not any(action.startswith("activate") for action in again["actions"]), "it runs already"
    host.call(state="kept")
    assert host.runs() == (NEW, NEW)


def test_the_line_that_is_missing_is_said(host: NixosHost) -> None:
    for name in (OLD, NEW):
        (host.root / name / "etc/systemd/system/consul.service").unlink()
    checked = host.call(check=True)
    assert "imports = [ ./validator-ha ];" in checked["msg"]
    assert host.ours() == ["configuration.nix"]
    found = host.call()
    assert found["failed"]
    assert "imports = [ ./validator-ha ];" in found["msg"]
    assert "validator-ha/settings.json" in host.ours(), "so that the line can be added"
    assert host.runs() == (OLD, OLD)


def test_a_host_with_a_flake_is_somebody_elses(host: NixosHost) -> None:
    (host.root / "nixos/flake.nix").touch()
    found = host.call()
    assert found["failed"]
    assert "nixos_mode" in found["msg"]
    assert host.calls() == ""


def test_the_daemon_of_before_goes_when_another_one_is_kept(host: NixosHost) -> None:
    for number in ("1", "2"):
        packed = host.root / f"packed{number}"
        packed.write_text(number)
        name = f"near-supervisor-{number * 64}"
        entry = {"path": name, "sha256": number * 64, "staged": str(packed)}
        host.builds(NEW if number == "1" else OLD)
        host.call(files=[entry], settings={"supervisorFile": name})
        host.call(state="kept")
        assert [file for file in host.ours() if "near-supervisor" in file] == [f"validator-ha/{name}"]


def test_a_file_that_the_host_lacks_is_asked_for(host: NixosHost) -> None:
    found = host.call(files=[{"path": "module.nix", "sha256": "0" * 64}])
    assert found["needed"] == ["module.nix"]
    assert host.calls() == ""


def test_a_system_of_somebody_elses_is_compared_with_the_inventory(host: NixosHost) -> None:
    expected = {"my.pool.near": {"KUUTAMO_NODE_ID": "one", "NEAR_SUPERVISOR_LEASE": 10.0}}
    found = host.call(state="checked", expected=expected)
    assert "does not know my.pool.near" in found["msg"]
    settings = host.root / OLD / "etc/near/supervisor/my.pool.near.env"
    settings.parent.mkdir(parents=True)
    settings.write_text('KUUTAMO_NODE_ID="two"\nNEAR_SUPERVISOR_LEASE="10"\n')
    found = host.call(state="checked", expected=expected)
    assert "KUUTAMO_NODE_ID is two there, and one in the inventory" in found["msg"]
    settings.write_text('KUUTAMO_NODE_ID="one"\nNEAR_SUPERVISOR_LEASE="10"\n')
    assert not host.call(state="checked", expected=expected)["changed"]
    (host.root / OLD / "etc/systemd/system/consul.service").unlink()
    found = host.call(state="checked", settings={"consul": {"enable": True}})
    assert "no consul.service" in found["msg"]
    assert host.calls() == ""
