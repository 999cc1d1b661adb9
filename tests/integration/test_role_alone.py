"""Each role alone on a bare host, in check mode, with nothing gathered: every tag, and hosts that are not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.bare_host import BareHost

pytest.importorskip("ansible.cli")
pytestmark = pytest.mark.integration

PARTS = {
    "consul": ("preflight", "install", "configure", "run"),
    "neard": ("preflight", "install", "configure", "bootstrap"),
    "supervisor": ("preflight", "install", "configure", "run"),
}
# By which a part is recognised in what was played.
SHOWN = {
    "consul_preflight": "consul : Check the host]",
    "consul_install": "consul : Install the program, and the account that it runs as]",
    "consul_configure": "consul : Write the configuration, the unit, and what is secret]",
    "consul_run": "consul : Start the agent, or restart it if it runs with other files]",
    "neard_preflight": "neard : Check the host]",
    "neard_install": "neard : Install the program, and the account that it runs as]",
    "neard_configure": "neard : Set the keys of config.json]",
    "neard_bootstrap": "neard : Begin the database from a snapshot]",
    "supervisor_preflight": "supervisor : Check the keys]",
    "supervisor_install": "supervisor : Install the daemon and its names]",
    "supervisor_configure": "supervisor : Write the settings, the units and what is secret]",
    "supervisor_run": "supervisor : Run what is installed, and leave a neard that signs alone]",
}
CASES = [(role, part) for role, parts in PARTS.items() for part in ("", *parts)]


@pytest.fixture
def host(tmp_path: Path) -> BareHost:
    return BareHost(tmp_path)


@pytest.mark.parametrize(("role", "part"), CASES, ids=["_".join(filter(None, case)) for case in CASES])
def test_a_part_that_is_asked_for_is_played_after_the_checks_and_no_other(role: str, part: str, host: BareHost) -> None:
    status, said = host.role(role, *(["--tags", f"{role}_{part}"] if part else []))
    assert status == 0, said
    wanted = {"preflight", part} if part else set(PARTS[role])
    assert {name for name in PARTS[role] if SHOWN[f"{role}_{name}"] in said} == wanted, said


@pytest.mark.parametrize("role", PARTS)
def test_relative_paths_begin_at_the_inventory_and_are_checked_first(role: str, host: BareHost) -> None:
    names = ("neard_genesis_file", "supervisor_validator_key_file", "consul_binary_file")
    host.variables |= {name: Path(host.variables[name]).name for name in names}
    status, said = host.role(role)
    assert status == 0, said
    host.variables |= dict.fromkeys(names, "nowhere/file")
    status, said = host.role(role)
    assert status == 2, said
    assert (
        "nowhere/file is not there, or not for this user, on the controller. A relative path begins at the fol" in said
    )
    assert "changed=0" in said


@pytest.mark.parametrize("role", PARTS)
def test_a_play_that_has_gathered_some_facts_only_is_as_good_as_any(role: str, host: BareHost) -> None:
    status, said = host.role(role, facts=("distribution",))
    assert status == 0, said


@pytest.mark.parametrize("role", ["consul", "neard", "supervisor", "monitoring"])
def test_a_role_that_is_not_root_stops_with_a_sentence(role: str, host: BareHost) -> None:
    host.answer("id", "1000")
    status, said = host.role(role)
    assert status == 2, said
    assert "here: Ansible is the user with the number 1000 there, and has to be root. Set ansible_become: true" in said
    assert "changed=0" in said


def test_every_fault_of_a_host_is_said(host: BareHost) -> None:
    host.answer("systemctl", "Version=247.3-7+deb11u4", when="*--property=Version*")
    host.answer("python3", "Python 3.9.2")
    status, said = host.role("neard")
    assert status == 2, said
    assert "its python3 is 3.9, and modules and daemon need 3.10 or later" in said, said
    assert "its systemd is 247, and the units need 248 or later" in said, said
    host.answer("systemctl", "")
    host.answer("python3", "sh: 1: python3: not found")
    del host.variables["ansible_python_interpreter"]
    status, said = host.role("neard")
    assert "there is no python3, and modules and daemon need 3.10 or later" in said, said
    assert "no systemd runs there, and the units need 248 or later" in said, said
    assert "raceback" not in said


def test_a_prometheus_needs_no_systemd(host: BareHost) -> None:
    host.answer("systemctl", "")
    host.variables |= {f"monitoring_{name}_dir": str(host.directory) for name in ("rules", "targets")}
    status, said = host.role("monitoring")
    assert status == 0, said
