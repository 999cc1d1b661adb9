"""Waiting for something to become true, with a bound and with evidence."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep
from typing import TypeVar

T = TypeVar("T")

POLL_S = 0.02


def until(
    what: str, condition: Callable[[], T | None], evidence: Callable[[], str] = str, timeout_s: float = 10.0
) -> T:
    """The first true value of ``condition``; AssertionError with ``evidence`` when it does not come in time."""
    end = monotonic() + timeout_s
    while True:
        found = condition()
        if found:
            return found
        assert monotonic() < end, f"not within {timeout_s:g} s: {what}\n{evidence()}"
        sleep(POLL_S)


def took_s(work: Callable[[], object]) -> float:
    """How long ``work`` takes, in seconds."""
    began = monotonic()
    work()
    return monotonic() - began
