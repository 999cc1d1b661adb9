"""The table of states: complete, named as kuutamod named them, and the same in the documentation."""

from __future__ import annotations

import re
from pathlib import Path

from near_ha.records.states import State
from near_supervisor.core.conditions.transitions import TRANSITIONS

DOCUMENT = Path(__file__).parents[3] / "docs" / "explanation" / "failover-algorithm.md"


def test_the_states_are_kuutamods() -> None:
    assert [state.value for state in State] == ["Startup", "Syncing", "Registering", "Voting", "Validating", "Shutdown"]


def test_every_state_but_the_last_can_be_left_and_every_state_but_the_first_reached() -> None:
    assert {source for source, _, _ in TRANSITIONS} == set(State) - {State.SHUTDOWN}
    assert {target for _, _, target in TRANSITIONS} == set(State)


def test_only_a_standby_and_a_successor_after_a_crash_become_validating() -> None:
    assert {source for source, _, target in TRANSITIONS if target is State.VALIDATING} == {State.VOTING, State.STARTUP}


def test_the_documentation_has_the_same_table() -> None:
    rows = re.findall(r"^\| ([A-Z][\w, ]+) \| [^|]+ \| (\w+) \|$", DOCUMENT.read_text(), re.MULTILINE)
    documented = {(source, target) for sources, target in rows for source in sources.split(", ")}
    assert documented == {(source.value, target.value) for source, _, target in TRANSITIONS}
