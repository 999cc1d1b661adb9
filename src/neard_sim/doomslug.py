"""When to approve and when to produce: a simplified Doomslug, as a function of the tip, the votes and the time.

With the tip at height H and time T:

* the approval for H+1 goes out at once; the producer of H+1 makes its block at T + min delay if it has
  approvals of more than two thirds of the stake by then;
* at T + 1.1 max delay the approval that skips H+1, for target H+2, goes out, then one for H+3 and so on; each
  wait is longer by a tenth of the max delay for every height beyond the first two that is not final, up to
  the max wait (nearcore's ``get_delay``; the tip of a chain that goes well leaves three of them). A producer who has
  the votes for a skip makes its block at once, but for a third of such a wait where it lacks the chunk.

Every time is counted from the tip's own timestamp, not from its arrival: latency does not add up, and all
nodes, late ones too, agree on the target of the moment. A tip older than the process is the exception:
there the clock starts with the process (``base_ns``), and nodes adopt the earliest start they hear of.

A target is never approved twice: ``largest_target`` only rises, and is stored before the approval is sent.
"""

from __future__ import annotations

from dataclasses import dataclass

_FREE_UNFINAL = 2
_CHUNK_WAIT_PART = 3


@dataclass(frozen=True)
class Delays:
    """Block production delays in nanoseconds, from ``config.json``."""

    min: int
    max: int
    max_wait: int

    def skip(self, unfinal: int) -> int:
        """How long to wait for a height that is ``unfinal`` above the last final one."""
        return min(self.max_wait, self.max + self.max // 10 * max(0, unfinal - _FREE_UNFINAL))


class Doomslug:
    """The timers of one node. Times are nanoseconds of the wall clock, as block timestamps are."""

    def __init__(self, delays: Delays) -> None:
        self._delays = delays
        self._height = 0
        self._timestamp = 0
        self._final = 0
        self.base_ns = 0
        self._target = 0
        self._slot_start = 0
        self._next_skip = 0

    def set_tip(self, height: int, timestamp_ns: int, final_height: int, base_ns: int) -> None:
        """A new head; ``base_ns`` is its timestamp, or later for a head older than this process."""
        self._height, self._timestamp, self._final = height, timestamp_ns, final_height
        self._restart(base_ns)

    def adopt_base(self, base_ns: int) -> None:
        """A peer with the same tip started to wait earlier: follow it, so that targets agree."""
        if self._timestamp <= base_ns < self.base_ns:
            self._restart(base_ns)

    def target(self, now_ns: int) -> int:
        """The height that an approval sent now is for."""
        while now_ns >= self._next_skip:
            self._target += 1
            self._slot_start = self._next_skip
            self._next_skip += self._delays.skip(self._target - self._final)
        return self._target

    def block_time(self, height: int, now_ns: int) -> int:
        """The timestamp for a block of ``height`` made now: the planned moment, unless that is long past."""
        if height == self._height + 1:
            planned = max(self._timestamp + self._delays.min, self.base_ns)
        else:
            planned = self._slot_start if height == self._target else now_ns
        return planned if planned <= now_ns < planned + self._delays.min else max(now_ns, self._timestamp + 1)

    def may_produce(self, height: int, now_ns: int) -> bool:
        """Whether the time for a block of ``height`` has come; votes are not looked at."""
        return height > self._height + 1 or (
            height == self._height + 1 and now_ns >= self._timestamp + self._delays.min
        )

    def chunk_wait(self) -> int:
        """How long a producer with enough votes waits for a chunk that is missing (``chunk_wait_mult``: a third)."""
        return self._delays.skip(self._target - self._final) // _CHUNK_WAIT_PART

    def next_event(self, now_ns: int) -> int:
        """The next moment after ``now_ns`` at which the passing of time alone changes something."""
        production = self._timestamp + self._delays.min
        return production if production > now_ns else self._next_skip

    def _restart(self, base_ns: int) -> None:
        self.base_ns = base_ns
        self._target = self._height + 1
        self._slot_start = base_ns
        self._next_skip = base_ns + self._delays.skip(self._target - self._final)
