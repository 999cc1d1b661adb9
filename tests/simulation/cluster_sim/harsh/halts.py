"""Halts of the chain for any time, and what has to follow: somebody signs upon one of the next blocks.

The promise holds for a halt in which nothing else is broken: when the chain moves, no fault was there for as long as a
recovery may take, and somebody has the lease and a neard that runs. Then three blocks are enough. If it has the lease
from one whose neard ended during the halt, it takes as many heights more as that one may have given up by then: the
height rule counts them above the first block (core/facts/heads.py), as a chain need not go on where
its validators were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..chain import waits
from ..host import Host
from ..liveness import RECOVERY_LEASES, RECOVERY_MS
from ..world import Violation

if TYPE_CHECKING:
    from .cluster import HarshCluster

BLOCKS = 3
# A holder that waits asks its neard so often, and its neard may answer late.
ASKED_BY_MS = 2_500


class Halts:
    """One at a time."""

    def __init__(self, cluster: HarshCluster) -> None:
        self._cluster = cluster
        self._since: int | None = None

    def begin(self, for_ms: int) -> None:
        """No block for so long: all validators give height after height up, and one block ends it."""
        cluster, world = self._cluster, self._cluster.world
        cluster.chain.set_pace(None)
        if self._since is None:
            self._since = world.now
        world.note("chain", f"halts for {for_ms} ms")
        world.after(for_ms, self.end)

    def end(self) -> None:
        """It moves."""
        cluster, chain, world = self._cluster, self._cluster.chain, self._cluster.world
        if self._since is None:
            return
        since, self._since = self._since, None
        chain.set_pace(chain.block_time)
        world.note("chain", "moves")
        # Where everything has just been healed, recovery is judged as a whole.
        if not cluster.is_calm and self._is_well(cluster):
            self._demand(since)

    @staticmethod
    def _is_well(cluster: HarshCluster) -> bool:
        """Is nothing else broken, for long enough, and does somebody hold the lease?"""
        settled = RECOVERY_LEASES * cluster.longest_lease_ms + RECOVERY_MS + cluster.longest_lag_ms
        if cluster.world.now < cluster.troubled_until + settled or cluster.kuutamod is not None:
            return False
        holders = [host for host in cluster.hosts if _holds(host)]
        cluster.world.reached["halt that ends well" if holders else "halt without a holder"] += 1
        return len(holders) == 1 and all(host.runs for host in cluster.hosts)

    def _demand(self, since: int) -> None:
        cluster, chain, world = self._cluster, self._cluster.chain, self._cluster.world
        blocks = BLOCKS + (waits(chain.disarmed_at - since, chain.skip_ms) if chain.disarmed_at > since else 0)
        if chain.disarmed_at > since:
            world.reached["halt with a takeover in it"] += 1
        first = chain.height() + 1
        pace = chain.block_time if chain.armed is not None else chain.skip_ms
        trouble, halted_ms = cluster.troubled_until, world.now - since
        takes = pace * (blocks + 1) + cluster.longest_lag_ms + ASKED_BY_MS

        def judge() -> None:
            # A signer writes its book when it is asked how it is.
            for host in cluster.harsh_hosts:
                host.write_book()
            if cluster.troubled_until != trouble or cluster.is_calm or chain.stands:
                return
            if max(chain.signed_by.values(), default=0) <= first:
                raise Violation(
                    f"a halt of {halted_ms / 1000:.0f} s is over for {takes / 1000:g} s, and nobody has signed above"
                    f" height {first}, states: {cluster.states}"
                )

        world.after(takes, judge)


def _holds(host: Host) -> bool:
    leadership = host.supervisor.node.leadership if host.supervisor is not None else None
    neard = host.guard.neard if host.guard is not None else None
    works = neard is not None and neard.up and not neard.hangs and not host.neard.is_isolated
    return leadership is not None and not leadership.release.reason and works
