"""Where the chain's clock stands on ours, without asking a wall clock.

A block carries its producer's time. The youngest head that neard has ever shown tells how that clock reads on our
boot clock; how old any other head is counts from there. So a host whose wall clock is off by any amount still knows
that its neard lags behind, if only that neard has been at the tip of the chain once.
"""

from __future__ import annotations

from .values import dataclass

# A clock that runs faster than the chain's by more than one in a thousand makes heads look older than they are.
DRIFT_DIVISOR = 1_000
# neard itself refuses a block that is further ahead of the host's wall clock (nearcore's ACCEPTABLE_TIME_DIFFERENCE).
FUTURE_MS = 120_000


@dataclass(frozen=True)
class Tip:
    """A block made at ``t`` of the chain's clock was made at ``t + offset`` of ours, or earlier; as seen at ``at``.

    Milliseconds all.
    """

    offset: int
    at: int

    def now(self, when: int) -> int:
        """The offset at ``when``: what was seen earlier counts a little less, as our clock may have drifted since."""
        return self.offset + max(0, when - self.at) // DRIFT_DIVISOR


def fold(tip: Tip | None, born_ms: int, asked_at: int) -> Tip:
    """The view after neard, asked at ``asked_at``, has shown a head that was made at ``born_ms``."""
    offset = asked_at - born_ms
    return Tip(offset, asked_at) if tip is None or offset <= tip.now(asked_at) else tip
