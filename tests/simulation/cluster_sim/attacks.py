"""Whoever may write to Consul, without the key that members sign with: forged records, and old ones put back."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from near_ha.records.lease_record import LeaseRecord, LeaseState

if TYPE_CHECKING:
    from .cluster import Cluster
    from .host import Host

# Attacks have a chance of their own, so that a schedule without any tells the story it always told.
SALT = 0xBAD
WITH_ATTACKS = 0.2
MOST_ATTACKS = 6
MOST_WRITES = 8
LONGEST_GAP_MS = 2_000
# Some hide a holder that cannot be reached, which is when they would do harm.
OUT_OF_REACH = 0.3
ALSO_KEPT = 0.3
LEASES_MS = (0, 1, 2_000, 3_600_000)
TERMS = (0, 3, 1_000, 2**40)


class Attacker:
    """``has_put_back``: a node that loses all that it has seen cannot know what is old from now on."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.rng = random.Random(cluster.world.seed ^ SALT)  # noqa: S311 - repeatable is what it has to be
        self.has_put_back = False

    def forge(self) -> None:
        """A record that wants to be obeyed, in place of the one that is there."""
        cluster, rng = self._cluster, self.rng
        member = rng.choice(cluster.hosts).settings
        claim = LeaseRecord(
            rng.choice((member.node_id, "mallory")),
            member.hostname,
            rng.choice((LeaseState.RELEASED, LeaseState.RELEASED, *LeaseState)),
            rng.choice(LEASES_MS),
            rng.choice((*TERMS, self._newest_term() + 1)),
            2**50,
            0,
            member.validator_public_key,
            handover_to=rng.choice(("", "", member.member_id)),
            final=True,
        )
        # With both of them gone, a node that has just started knows no lease but its own (assumption 8).
        also_kept = not cluster.hangs_on_records and rng.random() < ALSO_KEPT
        cluster.consul.was_emptied = cluster.consul.was_emptied or also_kept
        cluster.consul.forge(claim, self._lock(), also_kept)

    def put_back(self) -> None:
        """A record that was true once, of a term that every node has seen the end of."""
        cluster = self._cluster
        known = min(host.kept_term for host in cluster.hosts)
        old = [record for record in cluster.consul.signed if record.term < known]
        if old:
            self.has_put_back = True
            cluster.consul.put_back(self.rng.choice(old), self._lock())

    def _newest_term(self) -> int:
        return max((record.term for record in self._cluster.consul.signed), default=0)

    def _lock(self) -> str | None:
        """As it was, none, or that of any session there is: their names are no secret."""
        consul, rng = self._cluster.consul, self.rng
        return rng.choice((consul.seen.session, None, rng.choice((None, *consul.sessions))))

    def repeat(self, attack: Callable[[], None], host: Host) -> None:
        """Once, or again and again, until everything is calm."""
        cluster, rng = self._cluster, self.rng
        if rng.random() < OUT_OF_REACH:
            host.link.requests = host.link.answers = False
            cluster.world.after(rng.randrange(200, 25_000), host.link.heal)
        for number in range(rng.choice((1, 1, MOST_WRITES))):
            cluster.world.after(number * rng.randrange(1, LONGEST_GAP_MS), lambda: cluster.attack(attack))


def _records_forged(cluster: Cluster, host: Host) -> None:
    cluster.attacker.repeat(cluster.attacker.forge, cluster.holder or host)


def _records_put_back(cluster: Cluster, host: Host) -> None:
    cluster.attacker.repeat(cluster.attacker.put_back, cluster.holder or host)


ATTACKS: dict[str, Callable[[Cluster, Host], None]] = {
    "records forged": _records_forged,
    "records put back": _records_put_back,
}


def plan(cluster: Cluster, until: int) -> list[tuple[int, str, Host]]:
    """When which attack comes; none in most schedules, nor beside a kuutamod, which takes a lock that is free."""
    rng = cluster.attacker.rng
    if cluster.kuutamod is not None or rng.random() >= WITH_ATTACKS:
        return []
    times = sorted(rng.randrange(0, until) for _ in range(rng.randint(1, MOST_ATTACKS)))
    return [(time, rng.choice(tuple(ATTACKS)), rng.choice(cluster.hosts)) for time in times]
