"""What the newest blocks show of the approvals of a validator that signs, and since when they show none."""

from __future__ import annotations

from .values import dataclass, replace

# The first blocks after a takeover were approved before it.
UNDER_WAY = 1
FORGOTTEN_AFTER_MISSES = 3


@dataclass(frozen=True)
class Own:
    """What neard showed of the newest blocks that others made, above a height and up to its ``head``.

    ``height`` is the newest with an approval of this validator (None = there is none); ``without`` so many newer ones
    have none. ``seated``: it makes blocks in this epoch; the approvals of those who make none are in no block.
    ``twice`` is a height with two blocks of this validator: one was its neard's head, another one is on the chain.
    """

    head: int
    height: int | None
    without: int
    seated: bool = True
    twice: int | None = None


@dataclass(frozen=True)
class Approvals:
    """What is known of them in ``term``, above the height ``above``.

    The last question was asked when the head was ``asked_head``; ``reading``: it is not answered yet. ``own`` is the
    last answer (None = it cannot be told), ``misses`` so many did not come since. ``twice`` is the last height with two
    blocks of this validator (0 = none was seen).
    """

    term: int
    above: int
    asked_head: int = 0
    reading: bool = False
    own: Own | None = None
    misses: int = 0
    twice: int = 0


@dataclass(frozen=True)
class Silence:
    """In ``term`` nothing of this validator arrives since then; it was said last ``said_at`` (None = not yet)."""

    term: int
    since: int
    said_at: int | None = None


def fold(known: Approvals, own: Own | None) -> Approvals:
    """After an answer; when none came for a while, nothing is known any more."""
    if own is not None:
        return replace(known, reading=False, own=own, misses=0, twice=own.twice or known.twice)
    misses = known.misses + 1
    return replace(known, reading=False, own=known.own if misses < FORGOTTEN_AFTER_MISSES else None, misses=misses)
