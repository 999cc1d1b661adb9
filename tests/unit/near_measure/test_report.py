"""The tables of the documentation, from what benchmarks have written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from near_localnet.problem import Problem
from near_measure import report


def case(silence_s: float, busy_s: float = 0.0, event: str = "neard killed") -> dict[str, object]:
    return {
        "scenario": "failover-crash", "event": event, "lease_s": 5.0, "silence_s": silence_s, "bound_s": 2.0,
        "busy_s": busy_s, "missed_blocks": 3, "before": "a", "after": "b",
    }  # fmt: skip


def struck(number: int, silence_s: float, *faults: str, bound_s: float = 2.0) -> dict[str, object]:
    return {"number": number, "faults": list(faults), "silence_s": silence_s, "bound_s": bound_s}


def test_cases_of_one_event_are_one_line(tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    cases = [case(1.8), case(1.9), case(2.5, busy_s=1.0), case(2.5, event="guard killed")]
    file.write_text("".join(json.dumps(one) + "\n" for one in cases))
    lines = report.text(report.read(file)).splitlines()
    assert lines[2] == "| crash | neard killed | 3 | 1.90 s | 2.50 s | 2.50 s | 2.00 s | 3 | yes (1 while busy) |"
    assert lines[3].endswith("| 2.00 s | 3 | **no** |")


def test_a_soak_is_a_line_for_each_fault_and_one_for_two_at_a_time() -> None:
    document = {
        "benchmark": "chaos", "seed": 7, "minutes": 5.0, "double_signatures": 0, "overlaps": 0, "signatures": 99,
        "growth_mb": 0.5, "growth_descriptors": 2, "late": [2],
        "struck": [
            struck(1, 1.0, "stopped"),
            struck(2, 3.0, "stopped", bound_s=2.5),
            struck(3, 9.0, "a", "stopped", bound_s=10),
        ],
    }  # fmt: skip
    lines = report.text(document).splitlines()
    assert lines[2] == "| stopped | 2 | 1.00 s | 3.00 s | 3.00 s | 2.00 s to 2.50 s | 1 | 0 |"
    assert lines[3] == "| two at a time | 1 | 9.00 s | 9.00 s | 9.00 s | 10.00 s | 0 | 0 |"
    assert lines[-1].startswith("3 strikes, 4 faults in 5 minutes, seed 7: 0 double signatures")


@pytest.mark.parametrize("text", ["", "[]", '{"benchmark": "other"}', "{"])
def test_what_no_benchmark_has_written(tmp_path: Path, text: str) -> None:
    for name in ("x.json", "x.jsonl"):
        file = tmp_path / name
        file.write_text(text)
        if not (name.endswith("l") and text == ""):
            with pytest.raises(Problem, match=r"x\.json"):
                report.text(report.read(file))
