"""What a soak plans, allows and reports; that it strikes a real localnet is for bin/chaos to show."""

from __future__ import annotations

import random

import pytest

from near_chaos import cli
from near_chaos.faults import FAULTS, after_lease, at_once
from near_chaos.soak import Report, Struck, bound_s, plan, table

BY_NAME = {fault.name: fault for fault in FAULTS}


def struck(number: int, *names: str, silence_s: float = 1.0, bound_s: float = 2.0, busy_s: float = 0.0) -> Struck:
    return Struck(number, 0.0, names, "validator-a", silence_s, bound_s, busy_s)


def test_a_seed_is_the_same_faults_again() -> None:
    def planned(seed: int) -> list[tuple[str, ...]]:
        rng = random.Random(seed)  # noqa: S311 - to be played again
        return [tuple(fault.name for fault in plan(rng)) for _number in range(200)]

    assert planned(7) == planned(7)
    assert planned(7) != planned(8)
    assert {name for names in planned(7) for name in names} == set(BY_NAME)
    two = [names for names in planned(7) if len(names) == 2]
    assert 20 < len(two) < 80
    assert all(BY_NAME[names[0]].companion and names[0] != names[1] for names in two)


def test_two_at_a_time_may_take_as_long_as_one_after_the_other() -> None:
    killed, leader = BY_NAME["host-killed"], BY_NAME["consul-leader"]
    assert bound_s((killed,), 4, 1, 7) == after_lease(4, 1) == 6
    assert bound_s((BY_NAME["stopped"],), 4, 1, 7) == at_once(4, 1) == 2
    assert bound_s((leader, killed), 4, 1, 7) == leader.bound(4, 1) + 6 + 4 + 1


def test_nobody_takes_over_from_a_standby_that_is_down_before_it_is_healed() -> None:
    standby, frozen = BY_NAME["standby-killed"], BY_NAME["host-frozen"]
    assert bound_s((standby, frozen), 4, 1, 12) == 12 + standby.bound(4, 1) + 6 + 4 + 1


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, cli.DONE),
        ({"struck": [struck(1, "stopped", silence_s=2.5)]}, cli.MISSED),
        ({"struck": [struck(1, "stopped", silence_s=2.5, busy_s=0.4)]}, cli.MISSED),
        ({"struck": [struck(1, "stopped", silence_s=2.5, busy_s=0.6)]}, cli.DONE),
        ({"growth_mb": 5.1}, cli.MISSED),
        ({"double_signatures": 1}, cli.FAILED),
        ({"overlaps": 1, "struck": [struck(1, "stopped", silence_s=2.5)]}, cli.FAILED),
        ({"failure": "Nobody is Validating."}, cli.FAILED),
    ],
)
def test_the_exit_status(changes: dict[str, object], status: int) -> None:
    assert cli.verdict(Report(7, 5, **changes)) == status  # type: ignore[arg-type]


def test_the_table_has_the_longest_silence_of_each_kind() -> None:
    report = Report(7, 5)
    report.struck = [
        struck(1, "stopped", silence_s=1.2),
        struck(2, "stopped", silence_s=2.4),
        struck(3, "consul-leader", "stopped", silence_s=9.0, bound_s=10.0),
    ]
    assert table(report) == [
        (BY_NAME["stopped"].text, "2", "2.40 s", "2 s", "NO"),
        ("two at a time", "1", "9.00 s", "10 s", "yes"),
    ]
    assert "3 strikes, 1 beyond their bound" in "\n".join(cli.said(report))
