"""A thread that does one kind of work, one piece after another: a slow answer holds up only its own kind."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

log = logging.getLogger("near_supervisor")

Work = Callable[[], None]


class Worker:
    """Runs what is submitted, in order. Work is expected to catch what it foresees."""

    def __init__(self, name: str) -> None:
        self._work: queue.SimpleQueue[tuple[Work, Work]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def submit(self, work: Work, otherwise: Work) -> None:
        """Do ``work`` after what was submitted before it, and ``otherwise`` if it breaks off.

        Somebody waits for the outcome of every piece of work: it has to have one.
        """
        self._work.put((work, otherwise))

    def _run(self) -> None:
        while True:
            work, otherwise = self._work.get()
            try:
                work()
            except Exception:
                log.exception("BUG, please report it: unexpected error in a worker thread")
                otherwise()
