"""Does what this validator makes arrive on the chain? What neard itself counts was sent, and need not have been taken.

The chain counts for each validator, from the beginning of an epoch, what was expected and what was produced: blocks,
chunks and endorsements (neard's RPC ``validators``). What is expected rises only while the others' blocks flow.
"""

from __future__ import annotations

from enum import Enum

from . import early_kickout
from .duty import Duty
from .values import dataclass, replace

KINDS = ("blocks", "chunks", "endorsements")
# So many may be missed in a row: the first ones were due before this node signed, or met its predecessor's routes.
ENOUGH = (2, 2, 20)
# What the predecessor has made last may be counted after this node's first look.
UNDER_WAY = 2


class Finding(Enum):
    """``UNKNOWN``: too little was expected yet."""

    MADE = "made"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Counted:
    """What the chain has counted since the epoch began at ``epoch_start``, in the order of KINDS; no seat: ``()``.

    ``shards`` are the chunks of each shard that it makes chunks of; ``()`` where its version does not tell.
    """

    epoch_start: int
    duties: tuple[Duty, ...]
    shards: tuple[Duty, ...] = ()


@dataclass(frozen=True)
class Tally:
    """One kind: ``seen`` is the chain's count at the last look, ``last`` at the last one that was made.

    ``total`` is since this node signs.
    """

    seen: Duty = Duty()
    last: Duty = Duty()
    total: Duty = Duty()
    finding: Finding = Finding.UNKNOWN


@dataclass(frozen=True)
class SigningCheck:
    """What is known of ``term`` since ``since``.

    ``told``: it is in the history. ``said_at``: the last alarm (None = there is none), ``foreign_said_at`` the last one
    about ``foreign``, what somebody else has made. The chain's counters are of ``seen_at``; ``judged``: they have been
    compared with neard's own. ``made_before`` are the blocks and chunks that neard had made when the chain had counted
    ``counted_before`` of this term (None = it has not said yet). ``chunks_left`` may be missed before the chain gives
    its chunks to others (None = not known); that they are few was said last ``few_said_at``.
    """

    term: int
    since: int
    epoch_start: int
    tallies: tuple[Tally, ...]
    seated: bool = True
    told: bool = False
    said_at: int | None = None
    seen_at: int = 0
    judged: bool = False
    made_before: tuple[int, int] | None = None
    counted_before: tuple[int, int] = (0, 0)
    foreign: tuple[str, ...] = ()
    foreign_said_at: int | None = None
    chunks_left: int | None = None
    few_said_at: int | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """The kinds that were expected and not produced, again and again."""
        found = zip(KINDS, self.tallies, strict=True)
        return tuple(kind for kind, tally in found if tally.finding is Finding.MISSING)

    @property
    def known(self) -> bool:
        """Is there a finding of each kind?"""
        return all(tally.finding is not Finding.UNKNOWN for tally in self.tallies)

    def text(self) -> str:
        """Of each kind what was produced of what was expected, for people."""
        if not self.seated:
            return "no validator of this epoch"
        parts = zip(KINDS, self.tallies, strict=True)
        return ", ".join(f"{tally.total.produced} of {tally.total.expected} {kind}" for kind, tally in parts)


def begin(term: int, counted: Counted, now: int, made: tuple[int, int] | None = None) -> SigningCheck:
    """From here on it counts; ``made`` are the blocks and chunks that its neard has made until now."""
    duties = counted.duties or (Duty(),) * len(KINDS)
    tallies = tuple(Tally(duty, duty) for duty in duties)
    seated = bool(counted.duties)
    left = early_kickout.chunks_left(counted.shards)
    return SigningCheck(
        term, now, counted.epoch_start, tallies, seated=seated, seen_at=now, made_before=made, chunks_left=left
    )


def compare(check: SigningCheck, made: tuple[int, int] | None, asked_at: int) -> SigningCheck:
    """With what neard, asked at ``asked_at``, has made itself by then; None = it does not say.

    What it was asked for before the chain was says nothing. Of endorsements neard keeps no count.
    """
    if check.judged or made is None or check.made_before is None or asked_at < check.seen_at:
        return check
    own = tuple(now - before for now, before in zip(made, check.made_before, strict=True))
    if min(own) < 0:
        # Another process has begun to count.
        return replace(check, judged=True, made_before=None)
    arrived = zip(check.tallies, check.counted_before, strict=False)
    more = [tally.total.produced - before for tally, before in arrived]
    foreign = tuple(
        f"{arrived} {kind}, of which it has made {one}"
        for kind, arrived, one in zip(KINDS, more, own, strict=False)
        if arrived - one > UNDER_WAY
    )
    return replace(check, judged=True, foreign=foreign)


def fold(check: SigningCheck, counted: Counted, now: int, made: tuple[int, int] | None = None) -> SigningCheck:
    """After one more look; ``made`` as for ``begin``, for a neard that did not say it then."""
    check = _counted(check, counted, now)
    if check.made_before is not None or made is None:
        return check
    blocks, chunks = (tally.total.produced for tally in check.tallies[:2])
    return replace(check, made_before=made, counted_before=(blocks, chunks))


def _counted(check: SigningCheck, counted: Counted, now: int) -> SigningCheck:
    check = replace(check, seen_at=now, judged=False, chunks_left=early_kickout.chunks_left(counted.shards))
    if not counted.duties:
        return replace(check, seated=False, epoch_start=counted.epoch_start)
    # A new epoch counts from zero; so does a chain that takes something back.
    fresh = counted.epoch_start != check.epoch_start or not check.seated
    found = zip(check.tallies, counted.duties, ENOUGH, strict=True)
    tallies = tuple(_fold(tally, duty, enough, fresh) for tally, duty, enough in found)
    return replace(check, seated=True, epoch_start=counted.epoch_start, tallies=tallies)


def _fold(tally: Tally, duty: Duty, enough: int, fresh: bool) -> Tally:
    seen, last = tally.seen, tally.last
    if fresh or duty.expected < seen.expected or duty.produced < seen.produced:
        # What was expected in vain before goes on to count.
        seen, last = Duty(), Duty(last.expected - seen.expected, last.produced - seen.produced)
    total = Duty(
        tally.total.expected + duty.expected - seen.expected, tally.total.produced + duty.produced - seen.produced
    )
    if duty.produced > seen.produced:
        return Tally(duty, duty, total, Finding.MADE)
    missing = duty.expected - last.expected >= enough
    return Tally(duty, last, total, Finding.MISSING if missing else tally.finding)
