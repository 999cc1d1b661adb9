"""When to hand over, so that no block and no chunk is missed: while the validator owes none.

neard tells the heights at which an account makes neither block nor chunk (``maintenance_windows``, this epoch only).
Endorsements are owed all the time; one block's worth of them is what every hand-over costs.
"""

from __future__ import annotations

from enum import Enum

from .settings import Settings
from .values import dataclass

STOP_MS = 250
# neard takes a key up within 10 ms, and may be busy; the rest is ours.
PICK_UP_MS = 350
# Room for a start that takes longer than the last one did.
SETTLE_MS = 800
# A successor waits until the chain is above what its predecessor may have signed; where neard runs, one less is enough.
HEIGHT_RULE, HEIGHT_RULE_HOT = 2, 1
# Accepted at one head, it begins right after the next one at the earliest, so that the height above that is the first
# without a signer; the holder may choose among so many of them.
SOONEST, BEGIN = 2, 4
# Shards and seats change hands there: approvals of two sets of validators are wanted.
EPOCH_EDGE = 50
# Of a short epoch, as test chains have.
EDGES_PER_EPOCH = 20
UNKNOWN_START_MS = 5_000


@dataclass(frozen=True)
class Duties:
    """What neard says: ``windows`` without duties, as pairs of heights (the end exclusive), in ascending order.

    ``epoch_start`` and ``epoch_length`` are heights, None where it does not say. ``settled``: nobody is replaced within
    the epoch (False = somebody may be, or that is not known).
    """

    windows: tuple[tuple[int, int], ...]
    epoch_start: int | None = None
    epoch_length: int | None = None
    settled: bool = False

    @property
    def epoch_end(self) -> int | None:
        """The first height of the next epoch; None = not known."""
        if self.epoch_start is None or self.epoch_length is None:
            return None
        return self.epoch_start + self.epoch_length

    @property
    def edge(self) -> int:
        """So many heights at either end of the epoch are no part of a window."""
        return 0 if self.epoch_length is None else min(EPOCH_EDGE, self.epoch_length // EDGES_PER_EPOCH)

    def is_free(self, height: int) -> bool:
        """Is neither its block nor a chunk of it this validator's, for certain?"""
        return self.settled and self.are_free(height, 1)

    def are_free(self, first: int, count: int) -> bool:
        """Are so many heights, as far as is known?"""
        return any(start <= first and first + count <= stop for start, stop in self.windows)


class Timing(Enum):
    """``GO``: hand over now. ``WAIT``: a window comes. ``READ``: a new epoch, of whose windows nothing is known."""

    GO = "go"
    WAIT = "wait"
    READ = "read"


@dataclass(frozen=True)
class Advice:
    """What to do, and why, as a clause for people; ``height`` is what is waited for (0 = nothing)."""

    timing: Timing
    text: str
    height: int = 0


def needed(settings: Settings, hot: bool, start_ms: int | None) -> int:
    """Heights without a signer, at the most, of a hand-over that begins right after a head.

    ``start_ms`` is how long neard takes to start, as seen (None = not seen).
    """
    if hot:
        return HEIGHT_RULE_HOT + _blocks(STOP_MS + PICK_UP_MS, settings)
    start = PICK_UP_MS + SETTLE_MS + (UNKNOWN_START_MS if start_ms is None else start_ms)
    return HEIGHT_RULE + _blocks(STOP_MS, settings) + _blocks(start, settings)


def advise(duties: Duties, settings: Settings, head: int, heights: int, patience_ms: int) -> Advice:
    """At ``head``, for a hand-over of ``heights`` that may be waited for ``patience_ms`` longer."""
    end = duties.epoch_end
    if end is not None and head >= end:
        return Advice(Timing.READ, "a new epoch has begun")
    reach = head + patience_ms // settings.block_time_ms
    usable = [inside for window in duties.windows if (inside := _inside(window, duties))[1] > head + 1]
    for start, stop in usable:
        first = max(start, head + SOONEST)
        if stop - first < heights:
            continue
        if first < head + SOONEST + BEGIN:
            return Advice(Timing.GO, f"{_heights(stop - first)} without a block or chunk to make, {heights} are needed")
        if first - 1 > reach:
            break
        seconds = (first - 1 - head) * settings.block_time_ms / 1000
        text = (
            f"waiting for height {first}, {seconds:.0f} s from now: {_heights(stop - first)} without a block or chunk"
        )
        return Advice(Timing.WAIT, f"{text} to make begin there, {heights} are needed", first)
    at_the_edge = any(stop - max(start, head + 1) > heights for start, stop in duties.windows)
    if end is not None and at_the_edge and end + duties.edge <= reach:
        return Advice(Timing.WAIT, f"waiting for the next epoch, at height {end}: this one is about to end", end)
    longest = max((stop - max(start, head + 1) for start, stop in usable), default=0)
    within = f"within {patience_ms / 1000:.0f} s" if patience_ms > 0 else "any more"
    text = f"no {_heights(heights)} without a block or chunk to make can be had {within}"
    return Advice(Timing.GO, f"{text} (the longest window has {longest}): some may be missed")


def _inside(window: tuple[int, int], duties: Duties) -> tuple[int, int]:
    """The part of a window that is away from both ends of the epoch."""
    start, stop = window
    edge = duties.edge
    if duties.epoch_start is not None:
        start = max(start, duties.epoch_start + edge)
    if duties.epoch_end is not None:
        stop = min(stop, duties.epoch_end - edge)
    return start, stop


def _blocks(duration_ms: int, settings: Settings) -> int:
    return -(-duration_ms // settings.block_time_ms)


def _heights(count: int) -> str:
    return "1 height" if count == 1 else f"{count} heights"
