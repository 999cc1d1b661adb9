"""Threads that let the kernel end neard at once."""

from __future__ import annotations

import contextlib
import threading


class TeardownHelpers:
    """Threads that only wait, while neard is armed, so that the kernel ends neard at once when it ends this program.

    A process that is killed gives its memory back first, and tells its children afterwards; that takes a millisecond,
    unless other threads are left that share the memory: then the first thread, neard's parent, is through in some
    20 microseconds. A host that goes on after a pause lets neard run for just that long (docs/explanation/safety.md).
    """

    COUNT = 4

    def __init__(self) -> None:
        self._work = threading.Lock()
        self._threads: list[threading.Thread] = []

    def call(self) -> None:
        """They wait from now on. Only after neard was forked: a fork is for programs with one thread."""
        self._work.acquire()
        # Where there is no room for more of them, neard is no less safe than without any.
        with contextlib.suppress(RuntimeError):
            while len(self._threads) < self.COUNT:
                thread = threading.Thread(target=self._wait, daemon=True)
                thread.start()
                self._threads.append(thread)

    def dismiss(self) -> None:
        """There are none any more."""
        if not self._work.locked():
            return
        self._work.release()
        for thread in self._threads:
            thread.join()
        self._threads = []

    def _wait(self) -> None:
        with self._work:
            pass
