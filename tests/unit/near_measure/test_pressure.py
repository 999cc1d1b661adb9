"""The kernel's count of the time in which processes waited for a processor."""

from __future__ import annotations

from pathlib import Path

from near_measure import pressure

TEXT = "some avg10=4.01 avg60=4.59 avg300=5.95 total=4827715186\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=17\n"


def test_it_is_the_line_some_in_seconds() -> None:
    assert pressure.parse(TEXT) == 4827.715186
    assert pressure.parse("full avg10=0.00 total=17\n") == 0.0


def test_a_kernel_that_does_not_count(tmp_path: Path) -> None:
    assert pressure.cpu_waited_s(tmp_path / "cpu") == 0.0
