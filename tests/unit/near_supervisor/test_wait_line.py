"""The line of a wait: rewritten on a terminal, now and then elsewhere, and never for what is over soon."""

from __future__ import annotations

import io

import pytest

from near_supervisor.commandline.wait_line import AGAIN_S, SAID_AFTER_S, WaitLine


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_is_over_soon_is_not_said() -> None:
    out = Terminal()
    line = WaitLine(out, 100.0, {"TERM": "xterm"})
    line.show("b to sign", 10, 100 + SAID_AFTER_S - 0.1)
    line.clear()
    assert out.getvalue() == ""


def test_on_a_terminal_it_counts_down_in_its_place_and_leaves_nothing() -> None:
    out = Terminal()
    line = WaitLine(out, 0.0, {"TERM": "xterm"})
    for second in (3, 4):
        line.show("b to sign", 60 - second, float(second))
    line.clear()
    line.clear()
    back = "\r\x1b[K"
    assert out.getvalue() == f"{back}waits for b to sign; 57 s left{back}waits for b to sign; 56 s left{back}"


@pytest.mark.parametrize("columns", ["40", "20", "1"])
def test_it_is_one_line_however_narrow_the_terminal(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    out = Terminal()
    WaitLine(out, 0.0, {"TERM": "xterm"}).show("b to sign " * 20, 60, 3.0)
    assert len(out.getvalue().rpartition("\x1b[K")[2]) < max(2, int(columns))


@pytest.mark.parametrize("out", [io.StringIO, Terminal])
def test_elsewhere_it_is_a_line_every_few_seconds_without_any_colour(out: type[io.StringIO]) -> None:
    said = out()
    line = WaitLine(said, 0.0, {"TERM": "dumb"})
    for tenth in range(130):
        line.show("b to sign", 60 - tenth / 10, tenth / 10)
    line.clear()
    lines = said.getvalue().splitlines()
    assert lines == [f"waits for b to sign; {left} s left" for left in (58, 53, 48)]
    assert AGAIN_S == (58 - 53)
