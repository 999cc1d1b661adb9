"""The diagram of states in the documentation is drawn from the table in the code, and says no less than that."""

from __future__ import annotations

import re

import pytest

import state_diagram
from marks import filled
from near_supervisor.core.conditions.transitions import TRANSITIONS


def test_the_page_has_the_diagram_of_the_code() -> None:
    text = state_diagram.PAGE.read_text()
    assert filled(text, state_diagram.NAME, state_diagram.diagram()) == text, "run tools/state_diagram.py"


def test_every_transition_is_an_arrow_with_its_condition() -> None:
    arrows = re.findall(r"^    (\w+) --> (\w+): (.+)$", state_diagram.diagram(), re.MULTILINE)
    assert len(arrows) == len(TRANSITIONS)
    assert set(arrows) == {
        (source.value, target.value, condition.__name__.strip("_")) for source, condition, target in TRANSITIONS
    }


def test_what_is_asked_first_is_drawn_first() -> None:
    for state in {source for source, _, _ in TRANSITIONS}:
        asked = [(condition.__name__, target) for source, condition, target in TRANSITIONS if source is state]
        assert [(name, target) for source, name, target in state_diagram.arrows() if source is state] == asked


def test_a_page_without_the_marks_is_not_written() -> None:
    with pytest.raises(ValueError, match="needs one line <!-- states -->"):
        filled("<!-- /states -->\n<!-- states -->\n", "states", "x")


def test_what_is_around_the_marks_stays() -> None:
    text = "a\n<!-- states -->\nold\n<!-- /states -->\nb\n"
    fresh = "a\n<!-- states -->\n\nnew\n\n<!-- /states -->\nb\n"
    assert filled(text, "states", "new") == fresh
    assert filled(fresh, "states", "new") == fresh
