"""The thread that asks Consul about session and members, one request after another: see ``adapters/consul.py``."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from near_supervisor.core.facts.answer import Answer

from ..link import Apply, Hear, Link

# What is asked, and who hears the answer, when its turn has come; None where that is nothing any more.
Work = Callable[[], "tuple[Apply, Hear] | None"]


class SessionWorker:
    """``lives``: does the process still?"""

    def __init__(self, link: Link, lives: Callable[[], bool], timeout_ms: int) -> None:
        self._link, self._lives, self._timeout_ms = link, lives, timeout_ms
        self._waiting: deque[Work] = deque()
        self._busy = False

    def ask(self, work: Work) -> None:
        """Queue a request."""
        self._waiting.append(work)
        self._next()

    def ask_next(self, apply: Apply, hear: Hear) -> None:
        """Of a request that has just heard its answer: nothing comes in between."""
        self._waiting.appendleft(lambda: (apply, hear))

    def _next(self) -> None:
        if self._busy or not self._waiting or not self._lives():
            return
        work = self._waiting.popleft()()
        if work is None:
            self._next()
            return
        apply, hear = work
        self._busy = True

        def heard(answer: Answer) -> None:
            hear(answer)
            self._busy = False
            self._next()

        self._link.ask(apply, heard, self._timeout_ms)
