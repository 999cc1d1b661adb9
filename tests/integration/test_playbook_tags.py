"""Playbooks on a bare host in check mode: a tag does what it says, and one that there is not is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.bare_host import ACCOUNT, BareHost

pytest.importorskip("ansible.cli")
pytestmark = pytest.mark.integration

WRITES = "supervisor : Write the settings, the units and what is secret] *"
RUNS = "supervisor : Run what is installed, and leave a neard that signs alone] *"
INSTALLS = "supervisor : Install the daemon and its names] *"
CONSUL = "consul : Start the agent, or restart it if it runs with other files] *"
NEARD = "neard : Set the keys of config.json] *"
PLAYED: dict[str, set[str]] = {
    "supervisor_install": {INSTALLS},
    "supervisor_configure": {WRITES},
    "supervisor_run": {RUNS},
    "supervisor": {INSTALLS, WRITES, RUNS},
    "configure": {WRITES, NEARD},
    "consul_run": {CONSUL},
    "neard_configure": {NEARD},
    "preflight": set(),
}
WORDS = {
    "teardown": ["--extra-vars", f"teardown_account={ACCOUNT}"],
    "maintenance": ["--extra-vars", "maintenance_reboot=true"],
}


@pytest.fixture
def host(tmp_path: Path) -> BareHost:
    return BareHost(tmp_path)


@pytest.mark.parametrize("tag", PLAYED)
def test_a_part_of_the_roll_out_is_played(tag: str, host: BareHost) -> None:
    status, said = host.playbook("deploy", "--tags", tag)
    assert status == 0, said
    assert {shown for shown in (WRITES, RUNS, INSTALLS, CONSUL, NEARD) if shown in said} == PLAYED[tag], said
    assert "supervisor : Check the keys] *" in said


@pytest.mark.parametrize("tag", ["supervisor_configur", "neard_run", "consul_bootstrap"])
def test_a_tag_that_there_is_not_is_refused(tag: str, host: BareHost) -> None:
    status, said = host.playbook("deploy", "--tags", tag)
    assert status == 2, said
    assert f"--tags {tag}: this playbook has no such tag, so that nothing would be done" in said, said


@pytest.mark.parametrize("name", ["switchover", "status", "maintenance", "teardown"])
def test_a_playbook_without_tags_does_not_end_well_with_one(name: str, host: BareHost) -> None:
    status, said = host.playbook(name, "--tags", "supervisor_run", *WORDS.get(name, []))
    assert status == 2, said
    assert "--tags supervisor_run: this playbook has no tags, and does nothing with --tags" in said, said


@pytest.mark.parametrize("name", ["deploy", "switchover", "status", "maintenance", "teardown"])
def test_a_playbook_that_is_not_root_stops_with_a_sentence(name: str, host: BareHost) -> None:
    host.answer("id", "1000")
    host.limit = "all"
    status, said = host.playbook(name, *WORDS.get(name, []))
    assert status == 2, said
    assert "Ansible is the user with the number 1000 there, and has to be root" in said, said
    assert said.index("has to be root") > said.rindex("PLAY ["), said
