"""Is neard in sync? Not what it says of itself: an isolated neard says ``syncing: false`` for ever.

Synced means: ``syncing`` false, newest block younger than ten block times (at least 5 s), height advancing on our own
clock, at least one peer.
"""

from __future__ import annotations

from .settings import Settings
from .values import dataclass

# Ten block times of a fast test chain are less than a busy machine may pause.
MIN_FRESH_MS = 5_000


@dataclass(frozen=True)
class Sample:
    """One answer of neard, checked for shape.

    ``head_age_ms`` is this host's wall clock minus the block's time, so it may be negative;
    ``target_height`` is the metric ``near_largest_target_height`` where there is one; ``shows_key`` says that
    neard has loaded a validator key, ``key`` which one ("" = it does not say); ``born_ms`` is the block's own time,
    milliseconds since 1970; ``config_correct`` is False when neard found one of its files broken at a reload;
    ``made`` are the blocks and chunks that this process has made; ``catches_hangup``: the kernel says that a SIGHUP
    does not kill it (False = it does, or that is not known).
    """

    height: int
    syncing: bool
    head_age_ms: int
    peers: int | None
    target_height: int | None
    shows_key: bool = False
    born_ms: int | None = None
    version: str = ""
    chain_id: str = ""
    config_correct: bool = True
    made: tuple[int, int] | None = None
    key: str = ""
    catches_hangup: bool = False


@dataclass(frozen=True)
class Sync:
    """What a series of samples amounts to; ``reason`` says what is missing when not synced.

    ``came_fresh``: the newest block was no older than it may be when it came. ``stands``: all that is missing is a
    newer one, and it may be the chain that has none.
    """

    synced: bool = False
    reason: str = "neard has not answered yet"
    came_fresh: bool = False
    stands: bool = False
    height: int = 0
    peers: int | None = None
    advanced_at: int | None = None
    synced_at: int | None = None


NOT_SYNCED = Sync()


def fresh_ms(settings: Settings, pace_ms: int | None = None) -> int:
    """Age in milliseconds from which a newest block is too old; where the chain is slower than it is said to be, by its
    own ``pace_ms``.
    """
    return max(10 * max(settings.block_time_ms, pace_ms or 0), MIN_FRESH_MS)


def fold(sync: Sync, sample: Sample, now: int, settings: Settings, pace_ms: int | None = None) -> Sync:
    """The view after one more sample, on a chain that takes ``pace_ms`` for a height (None = too few were seen)."""
    limit = fresh_ms(settings, pace_ms)
    advanced = sync.advanced_at is None or sample.height > sync.height
    advanced_at = now if advanced or sync.advanced_at is None else sync.advanced_at
    came_fresh = sample.head_age_ms <= limit if advanced else sync.came_fresh
    reason = _missing(sample, now - advanced_at, settings, limit)
    return Sync(
        synced=not reason,
        reason=reason,
        came_fresh=came_fresh,
        stands=bool(reason) and came_fresh and not sample.syncing and sample.peers != 0,
        height=sample.height,
        peers=sample.peers,
        advanced_at=advanced_at,
        synced_at=sync.synced_at if reason else now,
    )


def _missing(sample: Sample, frozen_ms: int, settings: Settings, limit: int) -> str:
    if sample.syncing:
        return f"neard is syncing at height {sample.height}"
    if settings.chain_may_stand_still:
        return ""
    if sample.head_age_ms > limit:
        return (
            f"neard's newest block is {sample.head_age_ms / 1000:.1f} s old by this host's clock,"
            f" more than {limit / 1000:.1f} s"
        )
    if frozen_ms > limit:
        return f"neard's height stands at {sample.height} for {frozen_ms / 1000:.1f} s"
    if sample.peers == 0:
        return "neard has no peers"
    return ""
