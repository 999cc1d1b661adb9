"""The soak on containers plays what the scenarios have; that it does is for bin/chaos --molecule to show."""

from __future__ import annotations

from near_chaos.containers import SCENARIOS, Choice, choices


def test_every_scenario_has_its_cases_in_it() -> None:
    every = choices()
    names = {place.name for place in SCENARIOS.glob("failover-*")}
    assert {choice.scenario for choice in every} == names
    assert Choice("failover-crash", "test_neard_killed") in every
    assert len(every) == len(set(every))


def test_no_name_of_a_case_is_part_of_another_one() -> None:
    """pytest -k would play both."""
    cases = [choice.case for choice in choices()]
    assert [(one, other) for one in cases for other in cases if one != other and one in other] == []
