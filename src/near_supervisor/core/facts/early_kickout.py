"""How near is a validator to losing its chunks in the middle of an epoch?

NEP-652 (early chunk producer reassignment; behind a nightly protocol feature in nearcore of 2026): once a producer has
missed ``MISSED`` chunks of a shard in an epoch, and produced less than ``PERCENT`` of what was expected there, the
chain gives its chunks to others until the epoch ends. The first 1,000 blocks of an epoch decide nothing, but count.
"""

from __future__ import annotations

from collections.abc import Iterable

from .duty import Duty

# The first version of the protocol that has it.
PROTOCOL = 87
MISSED = 100
PERCENT = 80
# With fewer left it is said.
FEW = MISSED // 2


def chunks_left(shards: Iterable[Duty]) -> int | None:
    """With so many more missed in a row it has come to that, in one of the ``shards``; None when it has none."""
    return min((_left(shard) for shard in shards), default=None)


def _left(shard: Duty) -> int:
    # The first number of expected chunks of which those that are produced are too few.
    too_many = shard.produced * 100 // PERCENT + 1
    return max(0, MISSED - (shard.expected - shard.produced), too_many - shard.expected)
