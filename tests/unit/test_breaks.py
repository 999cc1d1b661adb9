"""Every deliberate break still fits the code, which ``bin/breaks`` would else tell only after minutes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from breaks.catalogue import BREAKS
from breaks.mutants import MUTANTS
from breaks.one_break import Break
from breaks.scenarios import PROMISES

ROOT = Path(__file__).resolve().parent.parent.parent
EVERY = (*BREAKS, *MUTANTS, *PROMISES)


@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.rule)
def test_what_it_replaces_is_there_once(one: Break) -> None:
    assert (ROOT / one.file).read_text().count(one.old) == 1
    assert one.old != one.new


@pytest.mark.parametrize("one", BREAKS, ids=lambda one: one.rule)
def test_the_tests_that_have_to_notice_it_are_there(one: Break) -> None:
    named = [name.partition("::")[0] for name in one.tests.split() if name.startswith("tests/")]
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_what_noticed_each_rule_is_noted() -> None:
    noted = json.loads((ROOT / "tests/breaks/noticed_by.json").read_text())
    assert sorted(noted["schedules"]) == sorted(one.rule for one in MUTANTS)
    assert sorted(noted["tests"]) == sorted(one.rule for one in BREAKS)
