"""The newest heads of the chain, and the height rule in numbers: what may have been signed until when.

nearcore's doomslug decides it (chain/chain/src/doomslug.rs): a validator approves the height above its head, and one
more after each wait that no block has ended. The waits grow by a tenth, up to ``LONGEST_WAIT_MS``. A block is made for
a height that two thirds have approved, so no chain is ahead of what its heads and these waits allow.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from . import chain_clock
from .values import dataclass, replace

# nearcore's max_block_wait_delay.
LONGEST_WAIT_MS = 6_000
# More than come between the end of a signer and the end of the wait for it.
KEPT = 64
# Neither a burst nor a slow minute.
ENOUGH_FOR_PACE = 40
# Over fewer heights a block's own time, which may be up to two blocks old, says little of the rate.
RATED_HEIGHTS = 8
ENOUGH_FOR_RATE = 4
# One producer's clock may be ahead.
AGREEING = 3


@dataclass(frozen=True)
class Head:
    """A block, made at ``made_at`` on our clock at the earliest, and at ``born_ms`` by its own time (0 = not told)."""

    height: int
    made_at: int
    born_ms: int = 0


Heads = tuple[Head, ...]
"""In the order of their heights, without those that nobody has asked for."""


@dataclass(frozen=True)
class End:
    """From when on somebody signs no more, at the latest: on our clock, and on the chain's (0 = not told).

    ``said``: it has said so itself. ``told``: it has looked, after that, how far it had come.
    """

    at: int
    chain_ms: int = 0
    told: bool = False
    said: bool = False


def fold(heads: Heads, head: Head) -> Heads:
    """After one more sample. No block is older than its parent, so a late head tells that those below it are older."""
    if heads and head.height <= heads[-1].height:
        if head.height < heads[-1].height:
            return heads
        head, heads = _not_after(heads[-1], head), heads[:-1]
    known = list(heads)
    for number in reversed(range(len(known))):
        older = _not_after(known[number], head)
        if older is known[number]:
            break
        known[number] = older
    return (*known, head)[-KEPT:]


def _not_after(one: Head, other: Head) -> Head:
    born_ms = min(one.born_ms, other.born_ms) if one.born_ms and other.born_ms else one.born_ms or other.born_ms
    made_at = min(one.made_at, other.made_at)
    return one if (made_at, born_ms) == (one.made_at, one.born_ms) else replace(one, made_at=made_at, born_ms=born_ms)


def pace_ms(heads: Heads) -> int | None:
    """Milliseconds from one height to the next by the blocks' own time; None when too few were seen.

    Of all steps the one that a quarter undercuts: heights that were given up make steps longer, and nothing makes one
    shorter than the delay that the chain's validators have.
    """
    if len(heads) < ENOUGH_FOR_PACE:
        return None
    steps = sorted(
        (head.born_ms - before.born_ms) // (head.height - before.height)
        for before, head in pairwise(heads)
        if before.born_ms and head.born_ms
    )
    return steps[len(steps) // 4] if len(steps) >= ENOUGH_FOR_PACE - 1 else None


def rate_ms(heads: Heads, block_time_ms: int) -> int | None:
    """Milliseconds that the chain takes for a height at the least: ``block_time_ms``, unless it is seen to be faster.

    None when too few heads were seen. What a quarter of the times for some heights undercuts may be a fifth less: that
    is how the age of the blocks' own time varies.
    """
    times: list[int] = []
    first = 0
    for later in heads:
        while later.height - heads[first].height >= RATED_HEIGHTS:
            head, first = heads[first], first + 1
            if head.born_ms and later.born_ms:
                times.append((later.born_ms - head.born_ms) // (later.height - head.height))
    if len(times) < ENOUGH_FOR_RATE:
        return None
    seen = sorted(times)[len(times) // 4]
    if seen <= 0:
        return None
    return block_time_ms if seen * 5 >= block_time_ms * 4 else seen


def approved(heads: Heads, when: int, skip_ms: int) -> int:
    """The largest height that a validator with these heads may have approved by ``when``; 0 when there are none."""
    return heads[-1].height + 1 + skips(when - heads[-1].made_at, skip_ms) if heads else 0


def longest_unseen_ms(heads: Heads, block_time_ms: int) -> int:
    """For how long the tip of the chain may have been there when it was first seen: until the next block.

    A wall clock that is behind does not show it, and a neard that lags from then on shows nothing younger. Heads are
    older than they seem by that at the most.
    """
    apart = 0
    if len(heads) > 1 and heads[-1].born_ms and heads[-2].born_ms:
        apart = (heads[-1].born_ms - heads[-2].born_ms) // (heads[-1].height - heads[-2].height)
    return max(block_time_ms, apart)


def accounted(heads: Heads, end: End, skip_ms: int, misread_ms: int) -> int | None:
    """The largest height that may have been signed by ``end``; None as long as the heads do not tell.

    They tell once one of them was made after it: whoever signed then had an older head, so it approved that height at
    the most, and one more for each wait since. (A block that it alone had is at a height that the chain skips, or
    below.) By ``misread_ms`` a head may be older than it seems.
    """
    for number, head in enumerate(heads):
        if is_after(head, end, misread_ms):
            before = heads[number - 1] if number else head
            return head.height + skips(_waited_ms(before, end), skip_ms)
    return None


def reachable(heads: Heads, end: End, rate_ms: int, misread_ms: int) -> int | None:
    """The largest height that may have been signed by ``end``, by how far the chain can have come by then.

    Its heights rise by one in ``rate_ms`` at the most, so no head was above that, and a wait of doomslug's is longer.
    (Upon a block after a height that was given up the next one may come at once: one more.) None where blocks or record
    tell no times, or there are too few blocks from before ``end``.
    """
    before = [head for head in heads if head.born_ms and not is_after(head, end, misread_ms)][-AGREEING:]
    if not end.chain_ms or len(before) < AGREEING:
        return None
    return 1 + max(head.height + max(0, _waited_ms(head, end) + misread_ms) // rate_ms for head in before)


def _waited_ms(before: Head, end: End) -> int:
    """How long it can have waited without another head, by the clock that makes it longer.

    Where all was down for hours, the end was seen hours late: what it said of the chain's clock bounds that.
    """
    waited = end.at - before.made_at
    if not (end.chain_ms and before.born_ms):
        return waited
    by_chain = end.chain_ms - before.born_ms
    return max(by_chain, min(waited, by_chain + chain_clock.FUTURE_MS))


def is_after(head: Head, end: End, misread_ms: int) -> bool:
    """Was it made after that, by both clocks?"""
    if head.born_ms and end.chain_ms and head.born_ms - misread_ms <= end.chain_ms:
        return False
    return head.made_at - misread_ms > end.at


def skips(duration: int, skip_ms: int) -> int:
    """How many heights doomslug gives up in that time, at the most; our clock may be slow by one percent."""
    left = duration + duration // 99
    count = 0
    for wait in _waits(skip_ms):
        if wait >= LONGEST_WAIT_MS:
            return count + max(0, left) // LONGEST_WAIT_MS
        left -= wait
        if left < 0:
            return count
        count += 1
    return count


def _waits(skip_ms: int) -> Iterator[int]:
    """The first is a tenth shorter than nearcore's."""
    wait = skip_ms
    while True:
        yield wait
        wait += skip_ms // 10
