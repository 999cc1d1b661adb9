"""What a roll-out took and changed, as Ansible's recap says it."""

from __future__ import annotations

import pytest

from near_bench.deploy import Run, recap, table
from near_localnet.problem import Problem

RECAP = """
PLAY RECAP *********************************************************************
one-1     : ok=62   changed=11   unreachable=0    failed=0    skipped=35   rescued=0    ignored=0
one-2     : ok=61   changed=13   unreachable=0    failed=0    skipped=35   rescued=0    ignored=0
"""


def test_the_recap_says_how_many_tasks_and_changes_there_were() -> None:
    assert recap(RECAP) == (62, 24)


def test_without_a_recap_nothing_was_measured() -> None:
    with pytest.raises(Problem, match="no recap"):
        recap("nothing")


@pytest.mark.parametrize(
    ("took_s", "changed", "may_change", "met"),
    [
        pytest.param(30.0, 0, False, True, id="on the bound"),
        pytest.param(30.1, 0, False, False, id="too slow"),
        pytest.param(1.0, 1, False, False, id="changed something again"),
        pytest.param(1.0, 9, True, True, id="may change something"),
    ],
)
def test_a_bound_is_met_by_time_and_by_changes(took_s: float, changed: int, may_change: bool, met: bool) -> None:
    run = Run("second run", 30.0, took_s, 36.0, 0.5, 60, changed, may_change)
    assert run.met is met
    assert table([run]).splitlines()[1].endswith("yes" if met else "NO")
