"""Files of the controller that a variable names: one rule for where they are, and what is wrong with them said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from support import ansible_modules
from support.debian_units import DebianHost
from support.pages import ROOT

pytest.importorskip("ansible.plugins")
controller_files = ansible_modules.imported("plugins.plugin_utils.controller_files")

# Every variable that names a file or a folder of the controller, and the role that has it.
NAMES = {
    "neard_binary_file": "neard",
    "neard_genesis_file": "neard",
    "neard_validator_node_key_file": "neard",
    "consul_binary_file": "consul",
    "consul_tls_ca_certificate_file": "consul",
    "consul_tls_certificate_file": "consul",
    "consul_tls_private_key_file": "consul",
    "consul_archive_cache_dir": "consul",
    "supervisor_validator_key_file": "supervisor",
}
ON_CONTROLLER = re.compile(r"file on the controller|where the controller keeps", re.IGNORECASE)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[str, str]:
    """Those of an inventory and of a playbook, each with files."""
    for place, names in (("inventory", ("both", "mine")), ("playbook", ("both", "theirs"))):
        (tmp_path / place).mkdir()
        for name in names:
            (tmp_path / place / name).write_text("x")
    return str(tmp_path / "inventory"), str(tmp_path / "playbook")


def test_a_relative_path_begins_at_the_inventory_or_else_at_the_playbook(
    folders: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").write_text("x")
    monkeypatch.chdir(tmp_path)
    inventory, playbook = folders
    found = {name: controller_files.resolved(name, *folders) for name in ("both", "mine", "theirs", "here")}
    assert found == {
        "both": f"{inventory}/both",
        "mine": f"{inventory}/mine",
        "theirs": f"{playbook}/theirs",
        # Not where the program was called: that differs from run to run.
        "here": f"{inventory}/here",
    }
    assert controller_files.resolved("theirs", "", playbook) == f"{playbook}/theirs"
    assert controller_files.resolved("/a/b", *folders) == "/a/b"
    assert controller_files.resolved("~/b", *folders) == str(Path("~/b").expanduser())
    assert controller_files.resolved("", *folders) == ""


def test_what_is_wrong_is_said_with_where_it_was_looked_for(folders: tuple[str, str]) -> None:
    inventory, playbook = folders
    fault = controller_files.fault("keys/a.json", "my_file", *folders)
    assert fault == (
        "my_file keys/a.json is not there, or not for this user, on the controller. A relative path begins at the "
        f"folder of the inventory, or else of the playbook: here {inventory} or {playbook}. Correct the path."
    )
    assert "my_file /nowhere/a is not there" in controller_files.fault("/nowhere/a", "my_file", *folders)
    assert "relative" not in controller_files.fault("/nowhere/a", "my_file", *folders)
    assert "is no file on the controller" in controller_files.fault(inventory, "my_file", *folders)
    assert controller_files.fault("mine", "my_file", *folders) == controller_files.fault("", "my_file", *folders) == ""


def test_a_file_that_cannot_be_read_is_said(folders: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controller_files.os, "access", lambda *_words: False)
    assert "cannot be read by this user" in controller_files.fault("mine", "my_file", *folders)


def test_all_of_them_are_known_here() -> None:
    found = set()
    for file in ROOT.glob("roles/*/meta/argument_specs.yml"):
        for name, spec in yaml.safe_load(file.read_text())["argument_specs"]["main"]["options"].items():
            words = spec["description"]
            if ON_CONTROLLER.search(words if isinstance(words, str) else " ".join(words)):
                found.add(name)
    assert found - {"consul_install_method"} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_role_uses_a_path_by_the_rule_only(name: str) -> None:
    """Beside the rule, a variable is only asked whether it is set, or named in a sentence."""
    role = ROOT / "roles" / NAMES[name]
    uses = re.compile(rf"(lookup\([^)]*|src': |src: |path: |dir: |is file.*|reject\('file.*)(?<![_\w]){name}\b")
    for file in [*role.glob("tasks/*.yml"), *role.glob("vars/**/*.yml"), *role.glob("templates/*.j2")]:
        assert not uses.search(file.read_text()), f"{file} does not take {name} by the rule"


@pytest.mark.parametrize("name", NAMES)
def test_the_role_has_each_by_the_rule_and_checks_it(name: str, folders: tuple[str, str]) -> None:
    host = DebianHost(inventory_dir=folders[0], playbook_dir=folders[1], **{name: "theirs"})
    assert host.value(f"{{{{ _{name} }}}}") == f"{folders[1]}/theirs"
    if not name.endswith("_dir"):
        host = DebianHost(inventory_dir=folders[0], playbook_dir=folders[1], **{name: "nowhere"})
        faults = [fault for fault in host.value(f"{{{{ _{NAMES[name]}_controller_faults }}}}") if fault]
        assert [fault.split(" on the")[0] for fault in faults] == [
            f"{name} nowhere is not there, or not for this user,"
        ]
