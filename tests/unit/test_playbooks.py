"""What every play of the collection begins with."""

from __future__ import annotations

from pathlib import Path

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
