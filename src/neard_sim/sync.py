"""Is this node in sync? neard's own answer, with neard's own weakness: alone, it says yes.

Pure: a function of what the peers say and of the time. ``syncing`` is true while waiting for the first
peers and while a peer is more than the threshold ahead; it is looked at anew only once per check period,
but ends as soon as the node has caught up. A node that lost all its peers reports that it is in sync.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass


class Status(enum.Enum):
    """States of neard's sync; the value is the one of the metric ``near_sync_status``."""

    NO_SYNC = 0
    AWAITING_PEERS = 1
    HEADER_SYNC = 4
    STATE_SYNC = 5
    BLOCK_SYNC = 7


@dataclass(frozen=True)
class SyncRules:
    """From ``config.json``; the period in nanoseconds."""

    min_peers: int
    skip_wait: bool
    check_period: int
    threshold: int
    header_horizon: int


class Sync:
    """The sync state of one node."""

    def __init__(self, rules: SyncRules) -> None:
        self._rules = rules
        self._next_check = 0
        self.status = Status.AWAITING_PEERS
        self.requirement = "SyncNeeded"

    @property
    def syncing(self) -> bool:
        """What ``/status`` shows."""
        return self.status is not Status.NO_SYNC

    def update(self, now_ns: int, head: int, peer_heights: Sequence[int]) -> Status:
        """The state now, with one entry in ``peer_heights`` for each connected peer."""
        rules = self._rules
        if self.status is Status.AWAITING_PEERS:
            if len(peer_heights) < rules.min_peers and not rules.skip_wait:
                return self.status
        elif self.status is Status.NO_SYNC and now_ns < self._next_check:
            if not peer_heights:
                self.requirement = "NoPeers"
            return self.status
        gap = max(peer_heights, default=0) - head
        if gap <= rules.threshold:
            self.requirement = "AlreadyCaughtUp" if peer_heights else "NoPeers"
            if self.status is not Status.NO_SYNC or now_ns >= self._next_check:
                self._next_check = now_ns + rules.check_period
            self.status = Status.NO_SYNC
        else:
            self.requirement = "SyncNeeded"
            self.status = Status.HEADER_SYNC if gap > rules.header_horizon else Status.BLOCK_SYNC
        return self.status
