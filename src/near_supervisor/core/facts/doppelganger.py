"""Doppelganger protection: does somebody sign with this key whom the lease knows nothing of?

Every block names who approved it and who made it, and the chain counts chunks and endorsements. Above the heights that
the last record accounts for there may be nothing of this validator, until this node signs. What is seen there vetoes a
promotion; what is not seen allows nothing, because a signature need not arrive.
"""

from __future__ import annotations

from .signing_check import KINDS, Counted
from .values import dataclass, replace

# The counters may be those of the block before neard's head.
COUNTED_BELOW_HEAD = 2
# Whoever was seen may be silent for a block; in so many more there has to be nothing.
QUIET_BLOCKS = 2


@dataclass(frozen=True)
class Mark:
    """Block ``height`` bears ``what`` of this validator, a noun for people."""

    height: int
    what: str

    def text(self) -> str:
        """A clause for people."""
        return f"block {self.height} has {self.what} of this validator"


@dataclass(frozen=True)
class Look:
    """What neard showed of the blocks above ``above`` up to its ``head``: the highest mark, or None.

    ``counted`` is None where it was not asked for, or not told.
    """

    above: int
    head: int
    mark: Mark | None
    counted: Counted | None = None


@dataclass(frozen=True)
class Doppelganger:
    """What was seen above the height ``above``, up to which signatures are accounted for.

    The last question was asked at ``asked_at``, when the head was ``asked_head``; ``reading``: it is not answered yet.
    All that there is up to ``head`` was looked at (0 = nothing). ``base`` are the counters of a look at which all up to
    ``above`` had been counted. ``mark`` was seen last at ``seen_at`` (None = nothing is held against a promotion), and
    told last at ``said_at``. ``read_at`` is when neard last showed its blocks.
    """

    above: int
    asked_at: int = 0
    asked_head: int = 0
    reading: bool = False
    head: int = 0
    base: Counted | None = None
    mark: Mark | None = None
    seen_at: int = 0
    said_at: int | None = None
    read_at: int = 0


def begin(doppelganger: Doppelganger, look: Look) -> Doppelganger:
    """After a look without the lease, whose holder may sign what is seen: only the counters are kept."""
    settled = look.counted is not None and look.head >= doppelganger.above + COUNTED_BELOW_HEAD
    return replace(doppelganger, base=look.counted if settled else doppelganger.base)


def fold(doppelganger: Doppelganger, look: Look, now: int) -> Doppelganger:
    """After a look of the holder, above ``above``. What is seen moves that up: it was signed, by whomever."""
    mark = look.mark or _more(doppelganger.base, look)
    known = begin(doppelganger, look).base
    # What is counted is compared with the last time from then on, however close to the head ``above`` is.
    base = look.counted if known is not None and look.counted is not None else known
    doppelganger = replace(doppelganger, head=max(doppelganger.head, look.head), base=base, read_at=now)
    if mark is None:
        return doppelganger
    return replace(doppelganger, above=max(doppelganger.above, mark.height), mark=mark, seen_at=now)


def _more(base: Counted | None, look: Look) -> Mark | None:
    """A count that went on without this node signing. A new epoch counts from zero, and says nothing."""
    counted = look.counted
    if base is None or counted is None or base.epoch_start != counted.epoch_start:
        return None
    for kind, before, after in zip(KINDS, base.duties, counted.duties, strict=False):
        if after.produced > before.produced:
            return Mark(look.head, f"{after.produced - before.produced} {kind} more than before")
    return None


def quiet_at(doppelganger: Doppelganger, lease_ms: int) -> int:
    """From when on what was seen may be over, if the blocks since say so, too."""
    return doppelganger.seen_at + lease_ms


def is_quiet(doppelganger: Doppelganger, lease_ms: int, now: int) -> bool:
    """Nothing was seen for a lease, and in enough blocks."""
    return now >= quiet_at(doppelganger, lease_ms) and doppelganger.head >= doppelganger.above + QUIET_BLOCKS
