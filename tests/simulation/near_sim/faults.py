"""Everything that can go wrong, by name. A schedule draws from a few of them, so that combinations get deep."""

from __future__ import annotations

from collections.abc import Callable

from near_supervisor.core import events as ev

from .host import Host
from .world import World

Fault = Callable[[World, Host], None]


def _for(world: World, low: int = 200, high: int = 25_000) -> int:
    return world.between(low, high)


def _supervisor_crash(world: World, host: Host) -> None:
    host.crash_supervisor(keep_memory=not world.chance(0.2))


def _crash_between_commands(world: World, host: Host) -> None:
    if host.supervisor is not None:
        host.supervisor.crash_chance = 0.2


def _supervisor_pause(world: World, host: Host) -> None:
    host.pause(_for(world), whole_host=False)


def _host_pause(world: World, host: Host) -> None:
    host.pause(_for(world), whole_host=True)


def _guard_death(_world: World, host: Host) -> None:
    if host.guard is not None:
        host.guard.die()


def _neard_crash(_world: World, host: Host) -> None:
    host.end_neard()


def _neard_hang(world: World, host: Host) -> None:
    host.neard.silent = True
    world.after(_for(world), lambda: setattr(host.neard, "silent", False))


def _neard_deaf(world: World, host: Host) -> None:
    host.neard.deaf = True
    world.after(_for(world), lambda: setattr(host.neard, "deaf", False))


def _neard_isolated(world: World, host: Host) -> None:
    host.neard.isolate()
    world.after(_for(world), host.neard.rejoin)


def _neard_behind(world: World, host: Host) -> None:
    host.neard.behind = world.between(1, 60)
    world.after(_for(world), host.neard.rejoin)


def _cut_off(world: World, host: Host) -> None:
    host.link.requests = host.link.answers = False
    world.after(_for(world), host.link.heal)


def _answers_lost(world: World, host: Host) -> None:
    host.link.answers = False
    world.after(_for(world), host.link.heal)


def _requests_lost(world: World, host: Host) -> None:
    host.link.requests = False
    world.after(_for(world), host.link.heal)


def _bad_link(world: World, host: Host) -> None:
    host.link.loss, host.link.doubling = world.rng.uniform(0, 0.5), world.rng.uniform(0, 0.5)
    host.link.slow_ms = world.rng.choice((200, 2_000, 20_000))
    world.after(_for(world), host.link.heal)


def _consul_leaderless(world: World, host: Host) -> None:
    host.consul.leaderless_until = world.now + _for(world)


def _session_destroyed(world: World, host: Host) -> None:
    if host.consul.seen.session is not None:
        world.note("operator", "destroys the holder's session")
        host.consul.end_session(host.consul.seen.session)


def _key_deleted(world: World, host: Host) -> None:
    world.note("operator", "deletes the key")
    host.consul.delete()


def _stop(_world: World, host: Host) -> None:
    if host.supervisor is not None:
        host.supervisor.post(ev.StopAsked("SIGTERM"))


def _detach(_world: World, host: Host) -> None:
    if host.supervisor is not None:
        host.supervisor.post(ev.DetachAsked())


def _slow_chain(world: World, host: Host) -> None:
    chain = host.neard.chain
    chain.set_pace(chain.block_time * world.between(1, 50))
    world.after(_for(world), lambda: chain.set_pace(chain.block_time))


FAULTS: dict[str, Fault] = {
    "supervisor crash": _supervisor_crash,
    "crash between commands": _crash_between_commands,
    "supervisor pause": _supervisor_pause,
    "host pause": _host_pause,
    "guard death": _guard_death,
    "neard crash": _neard_crash,
    "neard hang": _neard_hang,
    "neard deaf": _neard_deaf,
    "neard isolated": _neard_isolated,
    "neard behind": _neard_behind,
    "cut off": _cut_off,
    "answers lost": _answers_lost,
    "requests lost": _requests_lost,
    "bad link": _bad_link,
    "consul leaderless": _consul_leaderless,
    "session destroyed": _session_destroyed,
    "key deleted": _key_deleted,
    "stop": _stop,
    "detach": _detach,
    "slow chain": _slow_chain,
}
