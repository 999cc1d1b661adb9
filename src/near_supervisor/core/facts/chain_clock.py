"""Where the chain's clock stands on ours, without asking a wall clock.

A block carries its producer's time. The youngest head that neard has shown tells how that clock reads on our boot
clock; how old any other head is counts from there. So a host whose wall clock is off by any amount still knows that
its neard lags behind, if only that neard was at the tip of the chain a while ago.
"""

from __future__ import annotations

from dataclasses import field

from .values import dataclass, replace

# neard itself refuses a block that is further ahead of the host's wall clock (nearcore's ACCEPTABLE_TIME_DIFFERENCE).
FUTURE_MS = 120_000

# Our clock may run one percent slow: what was seen a while ago may be off by so much, to the unsafe side.
SLOW_DIVISOR = 100
# A head that looks this much older than the youngest one is taken for the tip all the same: else a clock that runs
# fast would make every head look older and older.
FAST_DIVISOR = 500
# The tip may have been there for a while when it was first seen. So many that agree were not all seen late.
AGREEING = 3


@dataclass(frozen=True)
class ChainClock:
    """A block made at ``t`` of the chain's clock was made at ``t + offset`` of ours, as seen at ``at`` (milliseconds).

    ``doubted_since``: heads look much younger since then. It may have been the first of them whose producer's
    clock is ahead. ``born_ms`` is of the newest head that was seen, ``agreed`` how many were seen as young as the
    youngest, but for half a block time.
    """

    offset: int
    at: int
    doubted_since: int | None = None
    born_ms: int = field(default=0, compare=False)
    agreed: int = field(default=0, compare=False)

    @property
    def is_settled(self) -> bool:
        """Have enough heads told the same? Until then a head may be older than it seems by the time to the next."""
        return self.agreed >= AGREEING

    def made_at(self, born_ms: int, now: int) -> int:
        """When the block of time ``born_ms`` was made, on our clock, at the earliest."""
        return born_ms + self.offset - max(0, now - self.at) // SLOW_DIVISOR

    def reads(self, now: int) -> int:
        """What the chain's clock shows at ``now``, at the latest; milliseconds since 1970."""
        return now - self.offset + max(0, now - self.at) // SLOW_DIVISOR


def fold(clock: ChainClock | None, born_ms: int, asked_at: int, block_time_ms: int) -> ChainClock:
    """The view after a neard in sync, asked at ``asked_at``, has shown a head that was made at ``born_ms``."""
    seen = ChainClock(asked_at - born_ms, asked_at, born_ms=born_ms, agreed=1)
    if clock is None:
        return seen
    younger_by = clock.offset - seen.offset
    agreed = clock.agreed + (born_ms > clock.born_ms) if 2 * abs(younger_by) <= block_time_ms else clock.agreed
    clock = replace(clock, born_ms=max(born_ms, clock.born_ms), agreed=agreed)
    if younger_by > block_time_ms:
        # A producer's clock that is ahead shows for as long as it is ahead, and no longer.
        since = asked_at if clock.doubted_since is None else clock.doubted_since
        return seen if asked_at - since > younger_by else replace(clock, doubted_since=since)
    if -younger_by <= max(0, asked_at - clock.at) // FAST_DIVISOR:
        return replace(seen, born_ms=clock.born_ms, agreed=agreed if 2 * younger_by <= block_time_ms else 1)
    return clock if clock.doubted_since is None else replace(clock, doubted_since=None)
