"""Says what is being done, and how long it took; a spinner while it lasts, on a terminal only."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


class Progress:
    """Lines on standard error, so that the output of `--json` stays clean."""

    def __init__(self, console: Console | None = None, quiet: bool = False) -> None:
        self._console = console or Console(stderr=True, highlight=False, quiet=quiet)

    def say(self, text: str) -> None:
        """One line that is not a step."""
        self._console.print(text)

    @contextmanager
    def step(self, name: str, doing: str) -> Iterator[None]:
        """A step that takes a while; its line appears when it has ended well, with its time in seconds."""
        began = time.monotonic()
        if self._console.is_terminal:
            with self._console.status(f"{name:<12} {doing}"):
                yield
        else:
            yield
        took = f"{time.monotonic() - began:.1f} s"
        self._console.print(f"[green]ok[/green]  {name:<12} {doing:<64} {took:>7}", soft_wrap=True)
