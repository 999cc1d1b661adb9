"""Says what is being done, how long it took, and what is waited for meanwhile; a spinner on a terminal only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.status import Status

SAID_AFTER_S = 2.0
AGAIN_S = 5.0
Clock = Callable[[], float]


class Waiting:
    """One wait: on a terminal the line of the step counts down, elsewhere there is a line every few seconds."""

    def __init__(self, console: Console, clock: Clock, status: Status | None, doing: str) -> None:
        self._console, self._clock, self._status, self._doing = console, clock, status, doing
        self._began, self._said_at = clock(), clock() - AGAIN_S
        self._own: Status | None = None

    def say(self, what: Callable[[], str], left_s: float) -> None:
        """What is waited for ("until ...", "for ..."), asked for when it is said: after more than a moment."""
        now = self._clock()
        if now - self._began < SAID_AFTER_S or now - self._said_at < (1.0 if self._console.is_terminal else AGAIN_S):
            return
        self._said_at = now
        text = f"waits {escape(what())}; gives up in {max(left_s, 0):.0f} s"
        if not self._console.is_terminal:
            self._console.print(f"    {text}", soft_wrap=True)
        elif self._status is not None:
            self._status.update(f"{self._doing}: {text}")
        elif self._own is None:
            self._own = self._console.status(text)
            self._own.start()
        else:
            self._own.update(text)

    def end(self) -> None:
        """Nothing of it stays on a terminal."""
        if self._own is not None:
            self._own.stop()
        if self._status is not None:
            self._status.update(self._doing)


class Progress:
    """Lines on standard error, so that the output of `--json` stays clean."""

    def __init__(self, console: Console | None = None, quiet: bool = False, clock: Clock = time.monotonic) -> None:
        self._console = console or Console(stderr=True, highlight=False, quiet=quiet)
        self._clock = clock
        self._status: Status | None = None
        self._doing = ""

    def say(self, text: str) -> None:
        """One line that is not a step."""
        self._console.print(text, markup=False)

    @contextmanager
    def waiting(self) -> Iterator[Waiting]:
        """Something is waited for, inside of a step or not."""
        wait = Waiting(self._console, self._clock, self._status, self._doing)
        try:
            yield wait
        finally:
            wait.end()

    @contextmanager
    def step(self, name: str, doing: str) -> Iterator[None]:
        """A step that takes a while; its line appears when it has ended well, with its time in seconds."""
        began, doing = self._clock(), escape(doing)
        if self._console.is_terminal:
            self._doing = f"{name:<12} {doing}"
            try:
                with self._console.status(self._doing) as self._status:
                    yield
            finally:
                self._status = None
        else:
            yield
        took = f"{self._clock() - began:.1f} s"
        self._console.print(f"[green]ok[/green]  {name:<12} {doing:<64} {took:>7}", soft_wrap=True)
