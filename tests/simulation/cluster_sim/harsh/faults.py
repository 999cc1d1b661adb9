"""What else can go wrong in the profiles ``harsh`` and ``long``, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from near_supervisor.core.facts.settings import Strategy

from ..cluster import Cluster
from ..faults import CHANGED_LEASES, FAULTS, LONGEST_MS
from ..host import Host
from ..link import QUICK_MS
from .cluster import HarshCluster
from .consul import HarshConsul
from .host import HarshHost

HarshFault = Callable[[HarshCluster, HarshHost], None]

# The longest that any of the ordinary ones has an effect of its own.
ORDINARY_MS = 2 * LONGEST_MS + 20_000
STATUS_MS = (800, 1_500, 5_000)
LONGEST_SLOW_MS = 180_000
MOST_BURSTS = 6
LONGEST_BURST_MS = 4_000
MOST_LEASES = 2.0
LONGEST_HALT_MS = 3_600_000
PRIORITIES = (100, 50, 0)


def strike(cluster: Cluster, kind: str, host: Host) -> None:
    """Let ``kind`` happen to ``host`` now; nothing begins once everything is calm."""
    harsh = cast(HarshCluster, cluster)
    if harsh.is_calm:
        return
    cluster.world.reached[f"fault: {kind}"] += 1
    cluster.world.note(host.name, f"FAULT: {kind}")
    if kind not in LONG_FAULTS:
        harsh.trouble(ORDINARY_MS)
    if kind in HARSH_FAULTS:
        HARSH_FAULTS[kind](harsh, cast(HarshHost, host))
    else:
        FAULTS[kind](cluster, host)


def _a_while(cluster: Cluster) -> int:
    return cluster.world.between(200, LONGEST_MS)


def _one_or_all(cluster: HarshCluster, host: HarshHost) -> list[HarshHost]:
    return [host] if cluster.world.chance(0.6) else cluster.harsh_hosts


# --- neard


def _blocks_hidden(cluster: HarshCluster, host: HarshHost) -> None:
    """Its blocks are shown, and not, and again."""
    since = 0
    for number in range(2 * cluster.world.rng.randint(1, 4)):
        cluster.world.after(since, lambda hides=number % 2 == 0: _set_hiding(cluster, host, hides))  # type: ignore[misc]
        since += cluster.world.between(200, LONGEST_MS // 3)
    cluster.trouble(since)


def _set_hiding(cluster: HarshCluster, host: HarshHost, hides: bool) -> None:
    host.neard.hides_blocks = hides and not cluster.is_calm


def _dies_armed(cluster: HarshCluster, host: HarshHost) -> None:
    """In its first second with the key: on one host, or on all."""
    lasts = 2 * _a_while(cluster)
    for one in _one_or_all(cluster, host):
        one.neard.dies_armed = True
        cluster.world.after(lasts, lambda one=one: setattr(one.neard, "dies_armed", False))  # type: ignore[misc]
    # Whoever tried it cools down.
    cluster.trouble(lasts + LONGEST_SLOW_MS)


def _slow_status(cluster: HarshCluster, host: HarshHost) -> None:
    """For seconds to minutes, and it goes on with its duties."""
    lasts = cluster.world.between(1_000, LONGEST_SLOW_MS)
    host.neard.longest_status_ms = cluster.world.rng.choice(STATUS_MS)
    cluster.world.after(lasts, lambda: setattr(host.neard, "longest_status_ms", 0))
    cluster.trouble(lasts)


# --- settings


def _settings_changed(cluster: HarshCluster, host: HarshHost) -> None:
    """The supervisor is exchanged, or comes back after a crash, with other settings; its neard goes on."""
    rng, mine = cluster.world.rng, host.settings
    strategies: tuple[Strategy, ...] = (Strategy.AUTO, Strategy.HOT, Strategy.RESTART)
    if cluster.shares_node_key:
        strategies = (Strategy.KUUTAMOD,)
    blocks = cluster.chain.block_time
    chosen = rng.randint(1, 3)
    if chosen == 1:
        host.change_settings(priority=rng.choice(PRIORITIES) if mine.node_id != "a" else mine.priority)
    elif chosen == 2:
        host.change_settings(strategy=rng.choice(strategies))
    else:
        host.change_settings(block_time_ms=rng.choice((blocks // 2, blocks, 2 * blocks, 1_300)))
    leases = [lease_ms for lease_ms in CHANGED_LEASES if cluster.bears(lease_ms)]
    if leases and rng.random() < 0.3:
        host.change_lease(rng.choice(leases))
    host.crash_supervisor()


def _setting_refused(cluster: HarshCluster, host: HarshHost) -> None:
    """One that a running signer does not survive: its supervisor refuses to start, until somebody puts it back."""
    lasts = 2 * _a_while(cluster)
    host.rpc = 3_031
    cluster.world.after(lasts, lambda: setattr(host, "rpc", 3_030))
    host.crash_supervisor()
    cluster.trouble(lasts + ORDINARY_MS)


# --- the run directory


def _run_dir_removed(cluster: HarshCluster, host: HarshHost) -> None:
    """And made again at once, or not for a while; the supervisor crashes before it can, or goes on."""
    if cluster.attacker.has_put_back:
        return
    world = cluster.world
    lasts = 0 if world.chance(0.5) else _a_while(cluster)
    host.lose_dir(lasts)
    if world.chance(0.5):
        world.after(world.between(0, 1_000), lambda: None if cluster.is_calm else host.crash_supervisor())
    cluster.trouble(lasts + ORDINARY_MS)


def _guard_hangs(cluster: HarshCluster, host: HarshHost) -> None:
    host.hang_guard(2 * _a_while(cluster))


# --- Consul


def _latency_bursts(cluster: HarshCluster, host: HarshHost) -> None:
    """Answers take up to two leases, now and then, for one host or for all."""
    world, rng = cluster.world, cluster.world.rng
    hosts, since = _one_or_all(cluster, host), 0
    for _ in range(rng.randint(1, MOST_BURSTS)):
        takes = int(host.settings.lease_ms * rng.uniform(0, MOST_LEASES))
        lasts = world.between(100, LONGEST_BURST_MS)
        world.after(since, lambda takes=takes: _delay(cluster, hosts, takes))  # type: ignore[misc]
        world.after(since + lasts, lambda: _delay(cluster, hosts, 0))
        since += lasts + world.between(100, LONGEST_MS // 2)
    cluster.trouble(since + ORDINARY_MS)


def _delay(cluster: HarshCluster, hosts: list[HarshHost], takes: int) -> None:
    for host in hosts:
        host.link.least_ms = host.link.usual_ms if cluster.is_calm else max(takes // 2, host.link.usual_ms)


def _members_stale(cluster: HarshCluster, host: HarshHost) -> None:
    """Who is asked is behind the leader, or slow."""
    rng = cluster.world.rng
    for one in _one_or_all(cluster, host):
        one.link.stale_ms, one.link.slow_ms = rng.choice((2_000, 20_000)), rng.choice((QUICK_MS, 5_000))
        cluster.world.after(_a_while(cluster), one.link.heal)


def _snapshot_restored(cluster: HarshCluster, _host: HarshHost) -> None:
    """Under candidates that all run and have read something newer, and no new one comes for a lease (safety.md)."""
    consul, world = cast(HarshConsul, cluster.consul), cluster.world
    if cluster.kuutamod is not None or not consul.leads:
        return
    nodes = [
        host.supervisor.node for host in cluster.hosts if host.supervisor is not None and host.runs and host.link.up
    ]
    if len(nodes) < len(cluster.hosts) or any(
        node.candidate.watch is None and node.leadership is None for node in nodes
    ):
        return
    seen = min([node.believed.index for node in nodes if node.leadership is None], default=consul.index)
    in_place = world.chance(0.5)
    then = consul.restore(world.rng, in_place, seen)
    if then is not None:
        cluster.request_again(then, in_place)
        world.reached["snapshot restored"] += 1
        for host in cluster.harsh_hosts:
            host.comes_back_at = world.now + 2 * cluster.longest_lease_ms


# --- the chain


def _halted_for_long(cluster: HarshCluster, _host: HarshHost) -> None:
    """Up to an hour. That is no trouble of anything else."""
    rng = cluster.world.rng
    cluster.halts.begin(rng.choice((rng.randrange(1_000, 120_000), rng.randrange(1_000, LONGEST_HALT_MS))))


HARSH_FAULTS: dict[str, HarshFault] = {
    "blocks hidden": _blocks_hidden,
    "neard dies armed": _dies_armed,
    "slow status": _slow_status,
    "settings changed": _settings_changed,
    "setting refused": _setting_refused,
    "run directory removed": _run_dir_removed,
    "guard hangs": _guard_hangs,
    "latency bursts": _latency_bursts,
    "members stale": _members_stale,
    "snapshot restored": _snapshot_restored,
}
# Where there is time for it.
LONG_FAULTS: dict[str, HarshFault] = {"halted for long": _halted_for_long}
HARSH_KINDS = tuple(HARSH_FAULTS)
LONG_KINDS = (*HARSH_KINDS, *LONG_FAULTS)
HARSH_FAULTS.update(LONG_FAULTS)
