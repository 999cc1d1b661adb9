"""The height rule in numbers: what may have been signed until when."""

from __future__ import annotations

from .values import dataclass


@dataclass(frozen=True)
class Ceiling:
    """The largest height that may have been signed, as a line over time.

    A chain never gains heights faster than one per block time, so one honest sample bounds all later
    instants: ``target`` may have been signed at time ``at``, the next one the very moment after, and one
    more for each block time since.
    """

    target: int
    at: int

    def ahead_ms(self, other: Ceiling, block_time_ms: int) -> int:
        """By how many milliseconds of blocks this line is higher, at all times: lines have the same slope."""
        return (self.target - other.target) * block_time_ms - _longest(self.at - other.at)

    def or_higher(self, other: Ceiling, block_time_ms: int) -> Ceiling:
        """The higher one of two lines."""
        return self if self.ahead_ms(other, block_time_ms) > 0 else other

    def height(self, when: int, block_time_ms: int) -> int:
        """Largest height that may have been signed by ``when``."""
        return self.target + _longest(max(0, when - self.at)) // block_time_ms + 1


@dataclass(frozen=True)
class TwoHeads:
    """The lines through the newest head, of height ``head``, and through the one before it.

    The higher one counts. A head that is late may look as if it were at the tip of the chain, if its producer's
    clock is ahead by just as much; so one head alone does not lower what may have been signed.
    """

    head: int
    newest: Ceiling
    before: Ceiling

    @staticmethod
    def beginning(line: Ceiling, head: int = 0) -> TwoHeads:
        """As long as there is one line only."""
        return TwoHeads(head, line, line)

    @property
    def since(self) -> int:
        """Nothing that was seen before counts any more."""
        return min(self.newest.at, self.before.at)

    def ceiling(self, block_time_ms: int) -> Ceiling:
        """What counts."""
        return self.newest.or_higher(self.before, block_time_ms)

    def fold(self, head: int, line: Ceiling) -> TwoHeads:
        """After one more sample; a head that was seen already has its line replaced."""
        return TwoHeads(head, line, self.before if head == self.head else self.newest)


def _longest(duration: int) -> int:
    """So long may it have been in truth: our clock may be slow by one percent."""
    return duration + duration // 99
