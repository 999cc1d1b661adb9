"""The chain, and the book of what was signed for the account: the judge of the two rules that matter most."""

from __future__ import annotations

import sys
from bisect import bisect_right

from .world import Violation, World

AHEAD_EVERY = 7
NOBODY = range(0)
# Of so many approvals one does not get into its block.
LOST_OF = 9
# So many different times on the way, up to the longest one.
LATENESSES = 5
# Of so many heights one is this validator's to make: one of four, or one of hundreds.
OURS_OF = (4, 4, 20, 200)
LONGEST_WAIT_MS = 6_000
BLOCKS_BEFORE = 64


def waits(duration: int, first: int) -> int:
    """How many of doomslug's waits fit in: a tenth of the first longer each, up to the longest."""
    count, wait = 0, first
    while duration >= wait and wait < LONGEST_WAIT_MS:
        duration -= wait
        count += 1
        wait += first // 10
    return count if wait < LONGEST_WAIT_MS else count + duration // LONGEST_WAIT_MS


class Chain:
    """Blocks come a block time apart, or more slowly for a while; after each wait of doomslug's a height is given up.

    Heights that are this validator's are skipped as long as nobody has its key. ``judges_heights`` is False where a
    node was told that heights do not matter (--chain-may-stand-still).
    """

    __slots__ = (
        "_ahead_ms", "_heights", "_made", "_not_before", "_pace", "_world",
        "armed", "block_time", "dice", "disarmed_at", "have_node_key", "held_until", "judges_heights",
        "ours_of", "shows_approvals", "shows_blocks", "signed_by", "skip_ms", "stray",
    )  # fmt: skip

    def __init__(self, world: World, block_time: int) -> None:
        self._world = world
        self.block_time = block_time
        self.skip_ms = block_time * world.rng.choice((2, 3))
        self.ours_of = OURS_OF[world.seed % len(OURS_OF)]
        self.judges_heights = True
        # One producer's clock may be ahead of the others'.
        self._ahead_ms = world.rng.choice((0, 0, 5_000))
        self._heights = list(range(1_001 - BLOCKS_BEFORE, 1_001))
        self._made = [(height - 1_000) * block_time for height in self._heights]
        self._pace: int | None = block_time
        self._not_before = 0
        self.armed: tuple[str, int] | None = None
        self.disarmed_at = 0
        self.signed_by: dict[str, int] = {}
        # First and last height that somebody signs of whom the cluster knows nothing; the judge does not know either.
        self.stray = NOBODY
        # The approvals of a validator that makes no blocks are in none.
        self.shows_approvals = True
        # Some neards answer no question about their blocks.
        self.shows_blocks = True
        # Until then peers hold dead connections of the account, and refuse a neard that starts with its key.
        self.held_until = 0
        # The neards with the node key that the hosts share: peers take the first one only.
        self.have_node_key: set[tuple[str, int]] = set()
        # Of its own, so that a schedule without blocks to look at tells the story it always told.
        self.dice = world.rng

    def _grow(self) -> None:
        """All blocks until now."""
        while self._pace is not None:
            newest, made = self._heights[-1], self._made[-1]
            pace = max(self._pace, self.skip_ms) if self.is_ours(newest + 1) and self.armed is None else self._pace
            due = max(made + pace, self._not_before)
            if due > self._world.now:
                return
            self._heights.append(newest + 1 + waits(due - made, self.skip_ms))
            self._made.append(due)

    def is_ours(self, height: int) -> bool:
        """Has this validator to make that block?"""
        return height % self.ours_of == 0

    def height(self) -> int:
        """Height of the newest block."""
        self._grow()
        return self._heights[-1]

    def head(self, behind_ms: int, longest_ms: int) -> int:
        """The newest block of who is so far behind, where each takes up to ``longest_ms`` more to arrive."""
        self._grow()
        number = bisect_right(self._made, self._world.now - behind_ms) - 1
        late_ms = longest_ms * (self._heights[number] * 7 % LATENESSES) // (LATENESSES - 1)
        number -= self._world.now - behind_ms - self._made[number] < late_ms
        return self._heights[max(0, number)]

    def set_pace(self, pace: int | None) -> None:
        """From now on a block every ``pace`` milliseconds; None = none at all."""
        self._grow()
        self._not_before, self._pace = self._world.now, pace

    @property
    def stands(self) -> bool:
        """Is there no block any more?"""
        return self._pace is None

    def is_held(self) -> bool:
        """Are there dead connections of the account?"""
        return self._world.now < self.held_until

    def missing(self, head: int) -> int:
        """How many blocks there are above ``head``."""
        self._grow()
        return len(self._heights) - bisect_right(self._heights, head)

    def made(self, height: int) -> int:
        """When block ``height`` was made."""
        return self._made[bisect_right(self._heights, height) - 1]

    def born(self, height: int) -> int:
        """The same by its producer's clock."""
        return self.made(height) + (self._ahead_ms if height % AHEAD_EVERY == 0 else 0)

    # --- the book

    def arm(self, host: str, pid: int) -> None:
        """A neard of ``host`` may sign from now on. Violation if another one still may."""
        if self.armed is not None:
            raise Violation(f"two armed neards: {self.armed} is alive when {(host, pid)} is armed")
        self._grow()
        self.armed = (host, pid)

    def disarm(self, host: str, pid: int) -> None:
        """It has ended."""
        self._grow()
        if self.armed == (host, pid):
            self.armed, self.disarmed_at = None, self._world.now

    def sign(self, host: str, low: int, high: int) -> None:
        """A neard of ``host`` has signed the targets ``low`` to ``high``. Violation if another host signed one of them.

        What the same host signed before is kept by neard's own database.
        """
        if self.judges_heights:
            for other, height in self.signed_by.items():
                if other != host and low <= height:
                    raise Violation(f"{host} signs height {low}, {other} has signed up to {height}")
        self.signed_by[host] = max(high, self.signed_by.get(host, 0))

    # --- what the blocks show

    def marked(self, host: str, above: int, head: int) -> int | None:
        """The highest block above ``above``, up to ``head``, that somebody other than ``host`` has signed; or None."""
        if not self.shows_approvals:
            return None
        stray = [height for height in range(max(above + 1, head - 8), head + 1) if self._has_stray(height)]
        others = [min(head, height) for name, height in self.signed_by.items() if name != host and height > above]
        return max(stray + others, default=None)

    def counted(self, head: int) -> int:
        """A count that grows with everything that is signed, in the blocks up to ``head``."""
        signed = max((min(head, height) for height in self.signed_by.values()), default=0)
        return signed + len(range(self.stray.start, min(self.stray.stop, head + 1)))

    def begin_stray(self) -> None:
        """Somebody begins to sign."""
        self._world.note("stray", "signs with the key of this validator")
        self._world.reached["stray"] += 1
        self.stray = range(self.height() + 1, sys.maxsize)

    def end_stray(self) -> None:
        """Nobody does any more."""
        self._world.note("stray", "is stopped")
        self.stray = range(self.stray.start, self.height() + 2)

    def _has_stray(self, height: int) -> bool:
        return height in self.stray and height % LOST_OF != 0
