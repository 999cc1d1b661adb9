"""What every play of the collection begins with."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

PLAYBOOKS = sorted((Path(__file__).resolve().parents[2] / "playbooks").glob("*.yml"))


@pytest.mark.parametrize("file", PLAYBOOKS, ids=[file.stem for file in PLAYBOOKS])
def test_the_controllers_version_is_checked_before_anything_else(file: Path) -> None:
    first = yaml.safe_load(file.read_text())[0]
    (task,) = first["tasks"]
    assert task["ansible.builtin.import_tasks"] == "tasks/check_controller.yml"
    assert first["any_errors_fatal"] is True
    assert first["tags"] == ["always"]


@pytest.mark.parametrize("file", PLAYBOOKS, ids=[file.stem for file in PLAYBOOKS])
def test_what_ends_a_play_ends_the_run(file: Path) -> None:
    """ansible-core 2.19 counts a host that cannot be reached twice with any_errors_fatal, and goes on to the next play
    with nobody; max_fail_percentage ends the run."""
    plays = [play for play in yaml.safe_load(file.read_text()) if "any_errors_fatal" in play]
    assert [play["name"] for play in plays if play.get("max_fail_percentage") != 0] == []


ROOT = PLAYBOOKS[0].parents[1]
INCLUDES = ("ansible.builtin.include_tasks", "ansible.builtin.include_role")
CHECKED = ("consul", "neard", "supervisor")


def tasks(found: Any) -> list[dict[str, Any]]:
    """All tasks of a file, those in blocks as well."""
    inner = [key for key in ("block", "rescue", "always", "tasks") if isinstance(found, dict) and key in found]
    if isinstance(found, list):
        return [task for one in found for task in tasks(one)]
    return [task for key in inner for task in tasks(found[key])] if inner else [found]


def test_what_a_tag_has_included_is_played() -> None:
    """Tasks of a file that is included at run time do not get its tags by themselves: --tags would leave them out."""
    for file in [*ROOT.glob("roles/*/tasks/*.yml"), *ROOT.glob("playbooks/tasks/*.yml")]:
        for task in tasks(yaml.safe_load(file.read_text())):
            for kind in set(task) & set(INCLUDES):
                assert task[kind].get("apply", {}).get("tags"), f"{file}: {task['name']}: no apply with tags"


def test_hosts_are_sorted_for_every_part_that_takes_them_in_that_order() -> None:
    plays = yaml.safe_load((ROOT / "playbooks/deploy.yml").read_text())
    parts = {
        tag
        for task in yaml.safe_load((ROOT / "roles/supervisor/tasks/main.yml").read_text())[1:]
        for tag in task["tags"]
    }
    (sorting,) = (play for play in plays if "tasks/look.yml" in str(play))
    assert set(sorting["tags"]) == parts | {"supervisor"}
    assert {play["name"] for play in plays if "near_again_" in str(play.get("hosts"))}


def test_the_tags_that_a_roll_out_says_it_has_are_those_of_its_roles() -> None:
    parts = {
        role: {
            tag for task in yaml.safe_load((ROOT / f"roles/{role}/tasks/main.yml").read_text()) for tag in task["tags"]
        }
        for role in CHECKED
    }
    plays = yaml.safe_load((ROOT / "playbooks/deploy.yml").read_text())
    said = set(plays[0]["tasks"][0]["vars"]["__near_tags"])
    assert said == {tag for tags in parts.values() for tag in tags if "_" not in tag} | {"proof"}
    for role, tags in parts.items():
        assert {tag for tag in tags if "_" in tag} == {f"{role}_{tag}" for tag in tags if "_" not in tag} - {
            f"{role}_{role}"
        }


def test_whoever_begins_in_the_middle_of_a_role_has_its_facts() -> None:
    """A playbook may begin at a file of a role (tasks_from), with nothing gathered: facts say where programs are."""
    texts = "\n".join(
        file.read_text() for place in ("roles", "playbooks", "docs") for file in ROOT.glob(f"{place}/**/*.*ml")
    )
    texts += "\n".join(file.read_text() for file in ROOT.glob("roles/*/README.md"))
    begun = set(re.findall(r"tasks_from: (\w+)", texts)) - {"facts"}
    assert begun >= {"run", "look", "ready", "stoppable", "supervisor_token", "preflight"}
    for role in CHECKED:
        for name in begun:
            file = ROOT / f"roles/{role}/tasks/{name}.yml"
            # Those two of role consul are nobody's beginning.
            if file.exists() and (role, name) not in (("consul", "run"), ("consul", "look")):
                first = yaml.safe_load(file.read_text())[0]
                assert first.get("ansible.builtin.include_role", {}).get("name") == "validator_ha.near.host", file


@pytest.mark.parametrize("file", PLAYBOOKS, ids=[file.stem for file in PLAYBOOKS])
def test_each_playbook_checks_its_hosts_before_any_module_runs_there(file: Path) -> None:
    named = [str(task) for play in yaml.safe_load(file.read_text())[1:] for task in play.get("tasks", [])]
    first = next(number for number, task in enumerate(named) if "validator_ha.near.host" in task)
    ours = ("validator_ha.near.near_", "import_role", "include_role", "tasks/look.yml", "take_off", "work.yml")
    before = [task for task in named[:first] if any(name in task for name in ours)]
    assert before == []


def test_the_proof_looks_for_units_that_would_start_neard() -> None:
    proof = tasks(yaml.safe_load((ROOT / "playbooks/tasks/prove.yml").read_text()))
    assert proof[0]["validator_ha.near.near_supervisor_info"]["known_units"].count("supervisor_known_units")
    assert "__near_now.other_units" in proof[-1]["ansible.builtin.assert"]["that"]
    assert "ignore_errors" not in proof[-1]
