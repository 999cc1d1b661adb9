"""The table of rules in the documentation: every rule is in it, and what it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import rule_table
from breaks.catalogue import BREAKS
from breaks.mutants import MUTANTS
from near_supervisor.core.rules.table import RULES
from rules_in_words import IN_WORDS

HINT = "run .venv/bin/python tools/rule_table.py"


def test_every_rule_has_its_sentence_and_no_sentence_is_left_over() -> None:
    rules = rule_table.places()
    assert len(rules) == len(RULES)
    assert set(IN_WORDS) == set(rules), "tools/rules_in_words.py has one entry for each rule of core/rules/table.py"


@pytest.mark.parametrize("key", sorted(IN_WORDS))
def test_what_a_rule_is_said_to_have_is_there(key: str) -> None:
    says, test = IN_WORDS[key]
    assert re.fullmatch(r"[A-Zn].*\.", says)
    assert rule_table.test_file(test).is_file()


def test_the_page_is_what_the_code_says() -> None:
    text = rule_table.PAGE.read_text()
    assert rule_table.page(text) == text, HINT


def test_the_page_has_every_rule_and_every_break() -> None:
    text = rule_table.PAGE.read_text()
    assert [name for _path, name in rule_table.places().values() if f"`{name}`" not in text] == []
    assert [one.rule for one in (*BREAKS, *MUTANTS) if one.rule not in text] == []


def test_a_break_is_with_the_rule_that_it_breaks() -> None:
    named = {one.rule for one in rule_table.breaks_of("fencing.end_signer_without_lease")}
    assert "rule 1: a no kills at once" in named
    assert "rule 2: Released is written only after the end of neard" not in named


def test_what_a_rule_calls_in_another_file_of_the_rules_is_its_own() -> None:
    files = {Path(one.file).stem for one in rule_table.breaks_of("promotion.promote")}
    assert files >= {"promotion", "validator_key"}
