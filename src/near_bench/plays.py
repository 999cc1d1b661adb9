"""The failures themselves. Each play strikes the active host or Consul, measures, and starts again what it ended.

A play is given a stage on which all is well, and leaves it so that `Stage.restore` can do the rest. It raises Problem
when something did not happen that had to, or did that must not; a value above its bound is none of its business.
"""

from __future__ import annotations

import signal
from typing import Any

from near_bench import consul_probe, measure, module_probe, supervisor_log
from near_bench.clock import NS, boot_ns, polls, seconds, wait_for
from near_bench.measure import Values
from near_bench.signatures import change_gap, first_since, last_before, longest_silence
from near_bench.stage import TAKEOVER_TIMEOUT_S, Stage
from near_ha import control_client
from near_ha.states import State
from near_ha.switchover import FINAL, Phase
from near_localnet import consul_cluster, processes
from near_localnet.layout import CONSUL_SERVERS, Validator
from near_localnet.localnet import HOST
from near_localnet.problem import Problem
from near_localnet.processes import Process

RETURN_TIMEOUT_S = 60.0
GONE_TIMEOUT_S = 10.0
RESTART_AFTER_S = 1.5
"""How long a killed supervisor stays away: it is to be at work again within 2 s."""
SETTLED_S = 1.0
"""On top of a lease: whoever lost his grip on the lease at an event has stopped signing by then."""
AFTER_THAW_S = 5.0
OUTAGE_BEYOND_LEASE_S = 2.0


def graceful_stop(stage: Stage) -> Values:
    """SIGTERM to the active supervisor, as `systemctl stop` does."""
    old, new = stage.roles()
    since = boot_ns()
    stage.net.stop(old.name)
    gap = stage.takeover(new, since)
    stage.net.start(old.name)
    return {measure.AT_ONCE.key: gap}


def promoted(stage: Stage) -> Values:
    """The standby is asked for, on its own control socket, as ``near-supervisor promote`` does."""
    old, new = stage.roles()
    return _switched(stage, old, new, new, "/promote")


def demoted(stage: Stage) -> Values:
    """The active one is asked to step down, on its own control socket."""
    old, new = stage.roles()
    return _switched(stage, old, new, old, "/demote")


def _switched(stage: Stage, old: Validator, new: Validator, asked: Validator, route: str) -> Values:
    layout = stage.net.layout
    logs = [layout.log(host.name) for host in (old, new)]
    offsets = [log.stat().st_size for log in logs]
    since = boot_ns()
    answer = control_client.call(layout.run_dir(asked) / "control.sock", "POST", route, {"by": "bench"})
    gap = stage.takeover(new, since)
    ended = _ended(stage, asked, str(answer["request"]))
    done = seconds(since, boot_ns())
    if ended["phase"] != Phase.DONE.value:
        raise Problem(f"The switchover to {new.name} has {ended['phase']}: {ended['outcome']}.")
    released = supervisor_log.said_at(logs[0], "released the lease", offsets[0])
    acquired = supervisor_log.said_at(logs[1], "acquired the lease", offsets[1])
    if released is None or acquired is None:
        raise Problem("The lease was not released by the old one and acquired by the new one.")
    return {
        measure.SWITCHED.key: gap,
        measure.COORDINATION.key: max(0.0, acquired - released),
        measure.COMMAND.key: done,
    }


def _ended(stage: Stage, host: Validator, request: str) -> dict[str, Any]:
    """The request at its end, as the supervisor of ``host`` shows it."""
    socket = stage.net.layout.run_dir(host) / "control.sock"
    for _now in polls(boot_ns() + round(TAKEOVER_TIMEOUT_S * NS)):
        found = control_client.call(socket, "GET", "/cluster")["request"]
        if found and found["id"] == request and found["phase"] in (phase.value for phase in FINAL):
            return dict(found)
    raise Problem(f"The request {request} has not ended within {TAKEOVER_TIMEOUT_S:g} s.")


def asked_by_a_module(stage: Stage) -> Values:
    """The module that only looks, on the standby, through its control socket."""
    old, new = stage.roles()
    layout = stage.net.layout
    kept = layout.data / "modules"
    arguments = {"run_dir": str(layout.run_dir(new).resolve())}
    took, result = module_probe.run(module_probe.payload("near_failover_info", arguments, kept))
    if not result["leader"] or result["leader"]["node_id"] != old.name:
        raise Problem(f"The module says that {result['leader']} leads; it is {old.name}.")
    return {measure.ANSWER.key: took}


def neard_killed(stage: Stage) -> Values:
    """SIGKILL to the active neard; it comes back by itself, as standby."""
    old, new = stage.roles()
    since = boot_ns()
    stage.net.kill(old.name, "neard")
    return {measure.AT_ONCE.key: stage.takeover(new, since)}


def supervisor_killed(stage: Stage) -> Values:
    """SIGKILL to the active supervisor, whom nobody restarts: the guard ends neard at its deadline."""
    old, new = stage.roles()
    since = boot_ns()
    stage.net.kill(old.name, "supervisor")
    gap = stage.takeover(new, since)
    stage.net.start(old.name)
    return {measure.AFTER_LEASE.key: gap}


def supervisor_and_guard_killed(stage: Stage) -> Values:
    """SIGKILL to both at once; the kernel ends neard with its guard."""
    old, new = stage.roles()
    doomed = [*stage.net.select(old.name, "supervisor"), *stage.net.select(old.name, "guard")]
    since = boot_ns()
    _send(doomed, signal.SIGKILL)
    gap = stage.takeover(new, since)
    if processes.wait_gone(doomed, GONE_TIMEOUT_S):
        raise Problem(f"{old.name}: supervisor or guard have survived SIGKILL.")
    stage.net.start(old.name)
    return {measure.AFTER_LEASE.key: gap}


def host_frozen(stage: Stage) -> Values:
    """SIGSTOP to all of a host; thawed after the takeover, it must never sign again."""
    old, new = stage.roles()
    since = boot_ns()
    stage.net.freeze(old.name)
    frozen = boot_ns()
    gap = stage.takeover(new, since)
    stage.net.thaw(old.name)
    stage.watch(boot_ns() + round(AFTER_THAW_S * NS))
    stage.net.wait_state(old.name, State.VOTING, RETURN_TIMEOUT_S)
    stage.require_silent(old, frozen)
    return {measure.AFTER_LEASE.key: gap}


def host_lost(stage: Stage) -> Values:
    """The cable is pulled, then the power: nobody says goodbye, and the peers keep dead connections."""
    old, new = stage.roles()
    since = boot_ns()
    stage.net.lose(old.name)
    gap = stage.takeover(new, since)
    stage.net.start(old.name)
    # Its own dead connections are in its way for about as long as it was away.
    stage.net.wait_state(old.name, State.VOTING, RETURN_TIMEOUT_S)
    return {measure.AFTER_LEASE.key: gap}


def supervisor_restarted(stage: Stage) -> Values:
    """SIGKILL to the active supervisor, started again soon: it finds guard and neard, and nothing changes."""
    stage.steady(stage.options.lease_s + SETTLED_S)
    old, new = stage.roles()
    pid = stage.neard_pid(old)
    since = boot_ns()
    stage.net.kill(old.name, "supervisor")
    stage.watch(since + round(RESTART_AFTER_S * NS))
    started = boot_ns()
    stage.net.start(old.name)
    stage.net.wait_state(old.name, State.VALIDATING, RETURN_TIMEOUT_S)
    back = seconds(started, boot_ns())
    return {**_same_signer(stage, old, new, pid, since), measure.BACK.key: back}


def consul_leader_killed(stage: Stage) -> Values:
    """SIGKILL to the server that leads; its keeper starts it again 0.1 s later, as systemd would."""
    stage.steady(stage.options.lease_s + SETTLED_S)
    old, new = stage.roles()
    pid = stage.neard_pid(old)
    leader = consul_cluster.leader(stage.net.layout)
    if leader not in CONSUL_SERVERS:
        raise Problem("Consul has no leader to kill.")
    since = boot_ns()
    stage.net.kill(leader, "consul")
    written = consul_probe.first_write_ns(stage.net.layout, RETURN_TIMEOUT_S)
    if written is None:
        raise Problem(f"Consul took no write for {RETURN_TIMEOUT_S:g} s after the loss of its leader {leader}.")
    return {**_same_signer(stage, old, new, pid, since), measure.NO_WRITES.key: seconds(since, written)}


def consul_frozen(stage: Stage) -> Values:
    """SIGSTOP to all Consul servers for longer than the lease, then SIGCONT: requests in their sockets come late."""
    lease_s = stage.options.lease_s
    servers = [process for name in CONSUL_SERVERS for process in stage.net.select(name, HOST)]
    _send(servers, signal.SIGSTOP)
    frozen = boot_ns()
    stage.watch(frozen + round((lease_s + OUTAGE_BEYOND_LEASE_S) * NS))
    returned = boot_ns()
    _send(servers, signal.SIGCONT)
    written = consul_probe.first_write_ns(stage.net.layout, RETURN_TIMEOUT_S)
    if written is None:
        raise Problem(f"Consul took no write for {RETURN_TIMEOUT_S:g} s after its return.")
    if not wait_for(lambda: first_since(stage.signatures(), returned) is not None, TAKEOVER_TIMEOUT_S):
        raise Problem(f"Nobody signs {TAKEOVER_TIMEOUT_S:g} s after Consul's return.")
    found = stage.signatures()
    last, first = last_before(found, returned), first_since(found, returned)
    if last is None or first is None:
        raise Problem("Nobody signed before Consul was frozen.")
    return {
        measure.SIGNER_STOPS.key: seconds(frozen, last.boot_ns),
        measure.SIGNS_AGAIN.key: seconds(returned, first.boot_ns),
        measure.SIGNS_AFTER_WRITE.key: seconds(written, first.boot_ns),
        measure.NO_WRITES.key: seconds(returned, written),
    }


def _send(wanted: list[Process], number: int) -> None:
    for process in wanted:
        process.signal(number)


def _same_signer(stage: Stage, signer: Validator, other: Validator, pid: int, since: int) -> Values:
    """Watches for a lease and more; nobody may have taken over, and what counts as gap is any change of process."""
    end = max(boot_ns(), since + round((stage.options.lease_s + SETTLED_S) * NS))
    found = stage.watch(end)
    length = end - since
    stage.require_silent(other, since)
    gap = change_gap(found, since, end)
    if stage.neard_pid(signer) != pid and not gap:
        raise Problem(f"{signer.name}: its neard is another process, and has signed nothing yet.")
    return {
        measure.NO_GAP.key: gap,
        measure.SILENCE.key: longest_silence(found, since, end),
        measure.SILENCE_BEFORE.key: longest_silence(found, since - length, since),
    }
