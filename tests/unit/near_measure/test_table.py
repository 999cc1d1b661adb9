from __future__ import annotations

from near_measure.table import aligned, markdown

HEADER = ("event", "n", "met")
ROWS = [["stop", "10", "yes"], ["a longer one", "9", ""]]


def test_aligned() -> None:
    assert aligned(HEADER, ROWS, right=[1]) == "event          n  met\nstop          10  yes\na longer one   9"


def test_markdown() -> None:
    expected = "| event | n | met |\n| --- | ---: | --- |\n| stop | 10 | yes |\n| a longer one | 9 |  |"
    assert markdown(HEADER, ROWS, right=[1]) == expected


def test_markdown_keeps_bars_out_of_cells() -> None:
    assert markdown(["a"], [["x|y"]]).endswith(r"| x\|y |")


def test_without_rows() -> None:
    assert aligned(HEADER, []) == "event  n  met"
