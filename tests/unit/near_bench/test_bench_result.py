from __future__ import annotations

import json

import pytest

from near_bench import measure
from near_bench.failover import DONE, FAILED, MISSED, Failover
from near_bench.measure import Values
from near_bench.result import HEADER, Result, Run
from near_bench.rows import ROWS, SWITCHOVER_ROWS, Row
from near_localnet.options import Options
from near_localnet.progress import Progress
from near_measure.report import text
from near_measure.stage import Stage

OPTIONS = Options(lease_s=4, start_delay_ms=1000, block_time_ms=100)


def never_played(stage: Stage) -> Values:
    raise AssertionError(stage)


ROW = Row("stop", "graceful stop", never_played, [measure.AT_ONCE, measure.BACK], "SIGTERM")


def result(*gaps: float, failures: int = 0, wanted: int | None = None) -> Result:
    found = Result(ROW, OPTIONS, len(gaps) + failures if wanted is None else wanted)
    found.runs += [Run("validator-a", {"gap": gap, "back": 0.5}) for gap in gaps]
    found.runs += [Run("validator-b", {}, "nobody signs") for _ in range(failures)]
    return found


def test_bounds_follow_lease_and_start_delay() -> None:
    bounds = {row.name: row.measures[0].bound_s(OPTIONS) for row in ROWS}
    assert bounds == {
        "graceful-stop": 2, "neard-kill": 2, "supervisor-restart": 0, "supervisor-kill": 6,
        "supervisor-guard-kill": 6, "host-freeze": 6, "host-loss": 6, "consul-leader-kill": 0, "consul-freeze": 4,
        "crash-at-start": 2, "consul-slow": 0, "chain-halt": 1,
    }  # fmt: skip
    assert measure.SIGNS_AGAIN.bound_s(OPTIONS) == 7
    assert measure.AFTER_LEASE.bound_s(Options(lease_s=10, start_delay_ms=500)) == 11.5


def test_each_row_has_a_name_of_its_own() -> None:
    names = [row.name for row in (*ROWS, *SWITCHOVER_ROWS)]
    assert len(set(names)) == len(names)


def test_bound_is_met_by_p95() -> None:
    gaps = [1.0] * 19 + [9.0]
    assert result(*gaps).met(measure.AT_ONCE) is True
    assert result(*gaps[1:]).met(measure.AT_ONCE) is False
    assert result(2.0).met(measure.AT_ONCE) is True
    assert result(2.000001).met(measure.AT_ONCE) is False


def test_no_bound_no_verdict() -> None:
    assert result(1.0).met(measure.BACK) is None


def test_failed_or_missing_runs_meet_nothing() -> None:
    assert result(1.0, failures=1).met(measure.AT_ONCE) is False
    assert result(1.0, wanted=2).met(measure.AT_ONCE) is False
    assert result().met(measure.AT_ONCE) is False


def test_lines() -> None:
    found = result(1.0, 3.0, failures=1).lines()
    assert len(found[0]) == len(HEADER)
    assert found == [
        ["graceful stop", "gap", "2.00 s", "2 (1 failed)", "1.00 s", "3.00 s", "3.00 s", "NO"],
        ["", measure.BACK.text, "", "2 (1 failed)", "0.50 s", "0.50 s", "0.50 s", ""],
    ]


def test_lines_without_a_single_value() -> None:
    assert result(failures=2).lines()[0][3:] == ["0 (2 failed)", "-", "-", "-", "NO"]


@pytest.mark.parametrize(
    ("results", "doubles", "overlaps", "expected"),
    [
        ([result(1.0)], 0, 0, DONE),
        ([result(1.0), result(3.0)], 0, 0, MISSED),
        ([result(1.0)], 1, 0, FAILED),
        ([result(1.0)], 0, 1, FAILED),
        ([result(1.0, failures=1)], 0, 0, FAILED),
        ([result(1.0, wanted=2)], 0, 0, FAILED),
    ],
)
def test_exit_status(results: list[Result], doubles: int, overlaps: int, expected: int) -> None:
    assert bench(results, doubles, overlaps).status == expected


def test_json_has_every_value_and_says_what_failed() -> None:
    document = json.loads(json.dumps(bench([result(1.0, 3.0, failures=1)]).as_json({"cores": 2}, 90)))
    row = document["rows"][0]
    assert row["measures"][0]["values"] == [1.0, 3.0]
    assert row["measures"][0]["met"] is False
    assert [run["failure"] for run in row["runs"]] == [None, None, "nobody signs"]
    assert document["status"] == FAILED
    assert document["machine"] == {"cores": 2}
    assert document["settings"] == {
        "lease_s": 4,
        "block_time_ms": 100,
        "start_delay_ms": 1000,
        "strategy": "auto",
        "others_stake": 1,
        "direct_links": "none",
    }


def test_table_shows_referee_and_notes() -> None:
    shown = bench([result(1.0)], doubles=1).table()
    assert "graceful stop: SIGTERM" in shown
    assert "1 double signatures" in shown


def test_markdown_of_a_json() -> None:
    shown = text(bench([result(1.0, 3.0)]).as_json({}, 90)).splitlines()
    assert shown[2] == "| graceful stop | gap | delay + 1 s = 2.00 s | 2 | 1.00 s | 3.00 s | 3.00 s | **no** |"
    assert shown[-1] == "- *graceful stop*: SIGTERM."


def bench(results: list[Result], doubles: int = 0, overlaps: int = 0) -> Failover:
    made = Failover([], 1, OPTIONS, Progress(quiet=True))
    made.results = results
    made.double_signatures, made.overlaps = doubles, overlaps
    return made
