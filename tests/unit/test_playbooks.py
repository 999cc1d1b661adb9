"""What holds for every play that takes its hosts one by one."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PLAYS = [
    pytest.param(play, id=f"{file.stem}: {play['name']}")
    for file in sorted((ROOT / "playbooks").glob("*.yml"))
    for play in yaml.safe_load(file.read_text())
    if "serial" in play
]


@pytest.mark.parametrize("play", PLAYS)
def test_in_turns_a_host_that_cannot_be_reached_ends_the_run(play: dict[str, object]) -> None:
    """Where errors are fatal, Ansible counts it twice, and ends only when it counts as many as the batch has."""
    assert play["serial"] == 1
    assert "any_errors_fatal" not in play


def test_there_are_such_plays() -> None:
    assert len(PLAYS) > 1
