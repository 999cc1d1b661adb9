"""What is said of a wait: in the step's own line on a terminal, a line now and then elsewhere, nothing of a moment."""

from __future__ import annotations

import io
import re

from rich.console import Console

from near_localnet.progress import AGAIN_S, SAID_AFTER_S, Progress, Waiting

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def on(terminal: bool) -> tuple[Progress, Clock, io.StringIO]:
    out, clock = io.StringIO(), Clock()
    console = Console(file=out, force_terminal=terminal, width=200, highlight=False, color_system="auto")
    return Progress(console, clock=clock), clock, out


def waits(waiting: Waiting, clock: Clock, seconds: float) -> None:
    for _ in range(int(seconds * 10)):
        clock.now += 0.1
        waiting.say(lambda: "until [b] votes", 60 - (clock.now - 100))


def test_what_is_over_soon_is_not_said_and_nobody_is_asked_what_it_was() -> None:
    progress, clock, out = on(terminal=False)

    def never() -> str:
        raise AssertionError("nobody wants to know")

    with progress.waiting() as waiting:
        clock.now += SAID_AFTER_S - 0.1
        waiting.say(never, 10)
    assert out.getvalue() == ""


def test_elsewhere_it_is_a_line_every_few_seconds_with_what_is_left_and_without_colour() -> None:
    progress, clock, out = on(terminal=False)
    with progress.step("b", "Voting"), progress.waiting() as waiting:
        waits(waiting, clock, 13)
    lines = out.getvalue().splitlines()
    assert lines[:3] == [f"    waits until [b] votes; gives up in {left} s" for left in (58, 53, 48)]
    assert lines[3].startswith("ok  b            Voting")
    assert len(lines) == 4
    assert "\x1b" not in out.getvalue()
    assert AGAIN_S == 58 - 53


def test_on_a_terminal_the_line_of_the_step_counts_down_and_is_itself_again() -> None:
    progress, clock, out = on(terminal=True)
    with progress.step("b", "Voting"):
        with progress.waiting() as waiting:
            waits(waiting, clock, 3)
            assert progress._status is not None
            shown = str(progress._status.status)
            assert shown.startswith("b            Voting: waits until ")
            assert shown.endswith(" s")
        assert progress._status.status == "b            Voting"
    assert ESCAPE.sub("", out.getvalue()).splitlines()[-1].startswith("ok  b            Voting")


def test_on_a_terminal_a_wait_outside_of_a_step_has_a_line_of_its_own_that_goes() -> None:
    progress, clock, out = on(terminal=True)
    with progress.waiting() as waiting:
        waits(waiting, clock, 4)
        assert waiting._own is not None
        assert "waits until" in str(waiting._own.status)
    assert "\x1b[?25h" in out.getvalue(), "the cursor is there again"


def test_a_path_with_brackets_is_said_as_it_is() -> None:
    progress, _clock, out = on(terminal=False)
    progress.say("data in /a [b] c")
    with progress.step("chain", "in /a [b] c"):
        pass
    assert out.getvalue().count("/a [b] c") == 2
