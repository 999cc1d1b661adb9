"""Everything that can go wrong, by name. A schedule draws from a few of them, so that combinations get deep."""

from __future__ import annotations

from collections.abc import Callable

from near_supervisor.core import events as ev

from .attacks import ATTACKS
from .cluster import Cluster
from .host import Host
from .requests import REQUESTS

Fault = Callable[[Cluster, Host], None]

LONGEST_MS = 25_000
CHANGED_LEASES = (4_000, 10_000, 40_000)


def strike(cluster: Cluster, kind: str, host: Host) -> None:
    """Let ``kind`` happen to ``host`` now."""
    cluster.world.reached[f"fault: {kind}"] += 1
    cluster.world.note(host.name, f"FAULT: {kind}")
    FAULTS[kind](cluster, host)


def _a_while(cluster: Cluster) -> int:
    return cluster.world.between(200, LONGEST_MS)


# --- processes and hosts


def _supervisor_crash(cluster: Cluster, host: Host) -> None:
    loses_all = cluster.world.chance(0.2) and not cluster.attacker.has_put_back
    host.crash_supervisor(keep_memory=not loses_all)


def _crash_between_commands(_cluster: Cluster, host: Host) -> None:
    if host.supervisor is not None:
        host.supervisor.crash_chance = 0.2


def _supervisor_pause(cluster: Cluster, host: Host) -> None:
    host.pause(_a_while(cluster), whole_host=False)


def _host_pause(cluster: Cluster, host: Host) -> None:
    host.pause(_a_while(cluster), whole_host=True)


def _guard_death(_cluster: Cluster, host: Host) -> None:
    if host.guard is not None:
        host.guard.die()


def _guard_dies_starting(_cluster: Cluster, host: Host) -> None:
    host.neard.guard_dies_starting = True


def _host_pauses_starting(cluster: Cluster, host: Host) -> None:
    host.pauses_starting = _a_while(cluster)


def _power_loss(cluster: Cluster, host: Host) -> None:
    if cluster.shares_node_key:
        # As it is in the world; where each host has its own node key, it matters to who starts with the key only.
        _keep_connections(cluster, host)
    _guard_death(cluster, host)
    host.crash_supervisor()


def _silent_loss(cluster: Cluster, host: Host) -> None:
    """Nobody says goodbye: the peers hold its connections, whoever wants to take its place."""
    if not cluster.shares_node_key:
        _keep_connections(cluster, host)
    _power_loss(cluster, host)


def _keep_connections(cluster: Cluster, host: Host) -> None:
    neard = host.guard.neard if host.guard is not None else None
    if neard is not None and neard.loaded:
        # A lease has to be waited out before anybody meets them.
        beyond = 2 * cluster.longest_lease_ms if cluster.shares_node_key else 0
        cluster.chain.held_until = max(cluster.chain.held_until, cluster.world.now + beyond + 2 * _a_while(cluster))


# --- neard


def _neard_unheard(cluster: Cluster, host: Host) -> None:
    host.neard.unheard = True
    cluster.world.after(2 * _a_while(cluster), lambda: setattr(host.neard, "unheard", False))


def _neard_crash(_cluster: Cluster, host: Host) -> None:
    host.end_neard()


def _neard_hang(cluster: Cluster, host: Host) -> None:
    """For a while, or until somebody ends it."""
    neard = host.guard.neard if host.guard is not None else None
    if neard is not None and cluster.world.chance(0.5):
        neard.hangs = True
        return
    host.neard.silent = True
    cluster.world.after(_a_while(cluster), lambda: setattr(host.neard, "silent", False))


def _neard_deaf(cluster: Cluster, host: Host) -> None:
    host.neard.deaf = True
    cluster.world.after(_a_while(cluster), lambda: setattr(host.neard, "deaf", False))


def _neard_broken(cluster: Cluster, host: Host) -> None:
    host.neard.broken = True
    cluster.world.after(_a_while(cluster), lambda: setattr(host.neard, "broken", False))


def _neard_slow_start(cluster: Cluster, host: Host) -> None:
    node = host.neard
    node.start_ms = cluster.world.between(3_000, 15_000)
    cluster.world.after(_a_while(cluster), lambda: setattr(node, "start_ms", node.usual_start_ms))


def _neard_isolated(cluster: Cluster, host: Host) -> None:
    host.neard.isolate()
    cluster.world.after(_a_while(cluster), host.neard.rejoin)


def _neard_behind(cluster: Cluster, host: Host) -> None:
    """It catches up in bursts: behind, there, behind again. Or it does not for long."""
    world, node = cluster.world, host.neard
    if world.chance(0.5):
        node.fall_behind(world.rng.randint(1, 60))
        world.after(world.rng.randint(200, LONGEST_MS), node.rejoin)
        return
    since = 0
    for _ in range(world.rng.randint(1, 6)):
        lag = world.between(1, 60)
        world.after(since, lambda lag=lag: cluster.fall_behind(host, lag))  # type: ignore[misc]
        world.after(since + world.between(200, 5_000), node.rejoin)
        since += world.between(500, LONGEST_MS // 2)


def _late_news_then_end(cluster: Cluster, host: Host) -> None:
    """Nobody's head is at the tip, and nobody notices; then one gets all at once, and ends before it is asked again."""
    world = cluster.world
    lag, lasts = world.rng.randint(4, 9), world.rng.randint(6_000, LONGEST_MS)
    host.neard.fall_behind(lag)
    world.after(lasts, host.neard.rejoin)
    world.after(lasts + world.between(100, 5_000), lambda: cluster.end_neard(host))
    for other in host.others:
        other.neard.fall_behind(world.rng.randint(1, lag))
        world.after(lasts + _a_while(cluster), other.neard.rejoin)


def _slow_chain(cluster: Cluster, _host: Host) -> None:
    chain = cluster.chain
    chain.set_pace(chain.block_time * cluster.world.between(1, 50))
    cluster.world.after(_a_while(cluster), lambda: chain.set_pace(chain.block_time))


def _halted_chain(cluster: Cluster, _host: Host) -> None:
    """No block for a while: all validators give height after height up, and one block ends it."""
    chain = cluster.chain
    chain.set_pace(None)
    cluster.world.after(_a_while(cluster), lambda: chain.set_pace(chain.block_time))


def _fast_chain(cluster: Cluster, _host: Host) -> None:
    """neard's configuration here says that blocks take longer than they do."""
    chain = cluster.chain
    chain.set_pace(chain.block_time // 2)
    cluster.world.after(_a_while(cluster), lambda: chain.set_pace(chain.block_time))


# --- network and Consul


def _cut_off(cluster: Cluster, host: Host) -> None:
    host.link.requests = host.link.answers = False
    cluster.world.after(_a_while(cluster), host.link.heal)


def _answers_lost(cluster: Cluster, host: Host) -> None:
    host.link.answers = False
    cluster.world.after(_a_while(cluster), host.link.heal)


def _requests_lost(cluster: Cluster, host: Host) -> None:
    host.link.requests = False
    cluster.world.after(_a_while(cluster), host.link.heal)


def _bad_link(cluster: Cluster, host: Host) -> None:
    rng = cluster.world.rng
    host.link.loss, host.link.doubling = rng.uniform(0, 0.5), rng.uniform(0, 0.5)
    host.link.slow_ms = rng.choice((200, 2_000, 20_000))
    cluster.world.after(_a_while(cluster), host.link.heal)


def _stale_reads(cluster: Cluster, host: Host) -> None:
    host.link.stale_ms = cluster.world.rng.choice((500, 5_000, 20_000))
    cluster.world.after(_a_while(cluster), host.link.heal)


def _slow_consul(cluster: Cluster, host: Host) -> None:
    """For everybody, and all the while: each answer takes up to two leases."""
    rng = cluster.world.rng
    takes = int(host.settings.lease_ms * rng.choice((0.05, 0.1, 0.2, 0.35, 0.5, 2.0)))
    lasts = _a_while(cluster)
    for one in cluster.hosts:
        one.link.least_ms = takes // 2
        cluster.world.after(lasts, one.link.heal)


def _consul_leaderless(cluster: Cluster, _host: Host) -> None:
    cluster.consul.leaderless_until = cluster.world.now + _a_while(cluster)


# --- operators


def _session_destroyed(cluster: Cluster, _host: Host) -> None:
    if cluster.consul.seen.session is not None:
        cluster.consul.end_session(cluster.consul.seen.session)


def _key_deleted(cluster: Cluster, host: Host) -> None:
    """Once, or again and again."""
    # kuutamod would take the free lock at once, and nothing that we do could stop it.
    if cluster.kuutamod is not None:
        _session_destroyed(cluster, host)
        return
    for number in range(cluster.world.rng.choice((1, 1, 8))):
        cluster.world.after(number * cluster.world.between(50, 2_000), cluster.delete_key)


def _all_keys_deleted(cluster: Cluster, host: Host) -> None:
    """The last heartbeat with the lease, and the holder is out of reach."""
    _cut_off(cluster, host)
    if cluster.hangs_on_records:
        _key_deleted(cluster, host)
    elif cluster.kuutamod is None:
        cluster.delete_key(also_kept=True)


def _key_deleted_out_of_reach(cluster: Cluster, host: Host) -> None:
    """By somebody who wants another node to take over from one that cannot be reached."""
    _cut_off(cluster, host)
    _key_deleted(cluster, host)


def _key_left_behind(_cluster: Cluster, host: Host) -> None:
    # `neard init` puts one there; a neard that runs does not read it.
    host.neard.key_on_disk = True


def _stop(_cluster: Cluster, host: Host) -> None:
    if host.supervisor is not None:
        host.supervisor.post(ev.StopAsked("SIGTERM"))


def _stop_in_a_hurry(cluster: Cluster, host: Host) -> None:
    _stop(cluster, host)
    cluster.world.after(cluster.world.between(1, 1_000), lambda: _stop(cluster, host))


def _stop_all_at_once(cluster: Cluster, _host: Host) -> None:
    for host in cluster.hosts:
        _stop(cluster, host)


def _detach(_cluster: Cluster, host: Host) -> None:
    if host.supervisor is not None:
        host.supervisor.post(ev.DetachAsked())


def _lease_changed(cluster: Cluster, host: Host) -> None:
    """The supervisor is exchanged, with another lease; its neard goes on."""
    host.change_lease(cluster.world.rng.choice(CHANGED_LEASES))
    host.crash_supervisor()


def _kuutamod_stops(cluster: Cluster, _host: Host) -> None:
    if cluster.kuutamod is not None:
        cluster.kuutamod.stop()


def _kuutamod_cut_off(cluster: Cluster, _host: Host) -> None:
    if cluster.kuutamod is not None:
        link = cluster.kuutamod.link
        link.requests = link.answers = False
        cluster.world.after(4 * _a_while(cluster), link.heal)


FAULTS: dict[str, Fault] = {
    "supervisor crash": _supervisor_crash,
    "crash between commands": _crash_between_commands,
    "supervisor pause": _supervisor_pause,
    "host pause": _host_pause,
    "guard death": _guard_death,
    "guard dies starting": _guard_dies_starting,
    "host pauses starting": _host_pauses_starting,
    "power loss": _power_loss,
    "silent loss": _silent_loss,
    "neard crash": _neard_crash,
    "neard hang": _neard_hang,
    "neard deaf": _neard_deaf,
    "neard broken": _neard_broken,
    "neard slow start": _neard_slow_start,
    "neard isolated": _neard_isolated,
    "neard unheard": _neard_unheard,
    "neard behind": _neard_behind,
    "late news, then an end": _late_news_then_end,
    "slow chain": _slow_chain,
    "halted chain": _halted_chain,
    "fast chain": _fast_chain,
    "cut off": _cut_off,
    "answers lost": _answers_lost,
    "requests lost": _requests_lost,
    "bad link": _bad_link,
    "stale reads": _stale_reads,
    "slow consul": _slow_consul,
    "consul leaderless": _consul_leaderless,
    "session destroyed": _session_destroyed,
    "key deleted": _key_deleted,
    "key deleted out of reach": _key_deleted_out_of_reach,
    "all keys deleted": _all_keys_deleted,
    "key left behind": _key_left_behind,
    "stop": _stop,
    "stop in a hurry": _stop_in_a_hurry,
    "stop all at once": _stop_all_at_once,
    "detach": _detach,
    "lease changed": _lease_changed,
}
# What is wrong about one thing: together these reach deeper than faults that have nothing to do with each other.
THEMES: tuple[tuple[str, ...], ...] = (
    (
        "key deleted",
        "session destroyed",
        "cut off",
        "requests lost",
        "answers lost",
        "bad link",
        "neard behind",
        "key deleted out of reach",
    ),
    ("all keys deleted", "key deleted out of reach", "neard behind", "supervisor crash", "stop"),
    # A holder whose deadline is not the one that its record speaks of.
    ("lease changed", "cut off", "answers lost", "requests lost"),
    # The holder is out of reach and goes on, to the last moment that it may.
    ("cut off", "requests lost", "answers lost"),
    ("neard behind", "late news, then an end", "neard isolated", "slow chain", "neard crash", "stop", "power loss"),
    ("halted chain", "fast chain", "slow chain", "neard isolated", "neard crash", "stop", "power loss"),
    (
        "guard death",
        "guard dies starting",
        "supervisor crash",
        "crash between commands",
        "stop",
        "detach",
        "host pause",
        "host pauses starting",
    ),
)
KUUTAMOD_FAULTS: dict[str, Fault] = {
    "kuutamod stops": _kuutamod_stops,
    "kuutamod cut off": _kuutamod_cut_off,
}
# What is of interest where two kinds of candidates meet; such schedules are rare, and long.
BESIDE_KUUTAMOD = (*KUUTAMOD_FAULTS, "session destroyed", "cut off", "bad link", "host pause", "power loss", "stop")
WITHOUT_KUUTAMOD = tuple(FAULTS)
FAULTS.update(KUUTAMOD_FAULTS)
FAULTS.update(REQUESTS)
FAULTS.update(ATTACKS)
