"""The chain, and the book of what was signed for the account: the judge of the two rules that matter most."""

from __future__ import annotations

import sys

from .world import Violation, World

AHEAD_EVERY = 7
NOBODY = range(0)
# Of so many approvals one does not get into its block.
LOST_OF = 9
# So many different times on the way, up to the longest one.
LATENESSES = 5


class Chain:
    """Heights come one block time apart, or more slowly for a while; never faster.

    ``judges_heights`` is False where a node was told that heights do not matter (--chain-may-stand-still).
    """

    __slots__ = (
        "_ahead_ms", "_base_height", "_base_time", "_pace", "_paces", "_world",
        "armed", "block_time", "dice", "held_until", "judges_heights", "shows_approvals", "shows_blocks",
        "signed_by", "stray",
    )  # fmt: skip

    def __init__(self, world: World, block_time: int) -> None:
        self._world = world
        self.block_time = block_time
        self.judges_heights = True
        # One producer's clock may be ahead of the others'.
        self._ahead_ms = world.rng.choice((0, 0, 5_000))
        self._base_time, self._base_height, self._pace = 0, 1_000, block_time
        self._paces = [(self._base_height, self._base_time, self._pace)]
        self.armed: tuple[str, int] | None = None
        self.signed_by: dict[str, int] = {}
        # First and last height that somebody signs of whom the cluster knows nothing; the judge does not know either.
        self.stray = NOBODY
        # The approvals of a validator that makes no blocks are in none.
        self.shows_approvals = True
        # Some neards answer no question about their blocks.
        self.shows_blocks = True
        # Until then peers hold dead connections of the account, and refuse a neard that starts with its key.
        self.held_until = 0
        # Of its own, so that a schedule without blocks to look at tells the story it always told.
        self.dice = world.rng

    def height(self) -> int:
        """Height of the newest block."""
        return self._base_height + (self._world.now - self._base_time) // self._pace

    def height_seen(self, longest_ms: int) -> int:
        """The same where a block arrives up to ``longest_ms`` after it was made, each one as late as it happens."""
        height, age = self.height(), (self._world.now - self._base_time) % self._pace
        late_ms = longest_ms * (height * 7 % LATENESSES) // (LATENESSES - 1)
        return height if age >= late_ms else height - 1

    def set_pace(self, pace: int) -> None:
        """From now on a block every ``pace`` milliseconds (not less than the block time)."""
        self._base_height = self.height()
        self._base_time, self._pace = self._world.now, max(pace, self.block_time)
        self._paces.append((self._base_height, self._base_time, self._pace))

    def is_held(self) -> bool:
        """Are there dead connections of the account?"""
        return self._world.now < self.held_until

    def born(self, height: int) -> int:
        """When block ``height`` was made, by its producer's clock."""
        base, since, pace = next((one for one in reversed(self._paces) if one[0] <= height), self._paces[0])
        return since + (height - base) * pace + (self._ahead_ms if height % AHEAD_EVERY == 0 else 0)

    # --- the book

    def arm(self, host: str, pid: int) -> None:
        """A neard of ``host`` may sign from now on. Violation if another one still may."""
        if self.armed is not None:
            raise Violation(f"two armed neards: {self.armed} is alive when {(host, pid)} is armed")
        self.armed = (host, pid)

    def disarm(self, host: str, pid: int) -> None:
        """It has ended."""
        if self.armed == (host, pid):
            self.armed = None

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

    def made(self, head: int) -> int:
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
