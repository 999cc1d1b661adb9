"""A thread that does one kind of work, one piece after another: a slow answer holds up only its own kind."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

log = logging.getLogger("near_supervisor")


class Lane:
    """Runs what is submitted, in order. Work is expected to catch what it foresees."""

    def __init__(self, name: str) -> None:
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def submit(self, work: Callable[[], None]) -> None:
        """Do ``work`` after what was submitted before it."""
        self._work.put(work)

    def _run(self) -> None:
        while True:
            work = self._work.get()
            try:
                work()
            except Exception:
                log.exception("BUG, please report it: unexpected error in a worker thread")
