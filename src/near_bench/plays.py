"""The failures themselves. Each play strikes the active host, measures, and starts again what it ended.

A play is given a stage on which all is well, and leaves it so that `Stage.restore` can do the rest. It raises Problem
when something did not happen that had to, or did that must not; a value above its bound is none of its business.
"""

from __future__ import annotations

import signal

from near_bench import measure
from near_bench.measure import Values
from near_ha.records.states import State
from near_ha.transport import control_client
from near_localnet import processes
from near_localnet.layout import Validator
from near_localnet.problem import Problem
from near_localnet.processes import Process
from near_measure.clock import NS, boot_ns, seconds
from near_measure.signatures import change_gap, longest_silence
from near_measure.stage import Stage

RETURN_TIMEOUT_S = 60.0
GONE_TIMEOUT_S = 10.0
RESTART_AFTER_S = 1.5
"""How long a killed supervisor stays away: it is to be at work again within 2 s."""
SETTLED_S = 1.0
"""On top of a lease: whoever lost his grip on the lease at an event has stopped signing by then."""
AFTER_THAW_S = 5.0


def graceful_stop(stage: Stage) -> Values:
    """SIGTERM to the active supervisor, as `systemctl stop` does."""
    old, new = stage.roles()
    since = boot_ns()
    stage.net.stop(old.name)
    gap = stage.takeover(new, since)
    stage.net.start(old.name)
    return {measure.AT_ONCE.key: gap}


def neard_killed(stage: Stage) -> Values:
    """SIGKILL to the active neard; it comes back by itself, as standby."""
    old, new = stage.roles()
    since = boot_ns()
    stage.net.kill(old.name, "neard")
    return {measure.AT_ONCE.key: stage.takeover(new, since)}


def killed_at_start(stage: Stage) -> Values:
    """A promotion, and SIGKILL to the new active neard as soon as it has signed: the old one takes the lease back."""
    old, new = stage.roles()
    asked = boot_ns()
    socket = stage.net.layout.run_dir(new) / "control.sock"
    control_client.call(socket, "POST", "/promote", {"by": "bench"})
    stage.takeover(new, asked)
    since = boot_ns()
    stage.net.kill(new.name, "neard")
    return {measure.AT_ONCE.key: stage.takeover(old, since)}


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
    send(doomed, signal.SIGKILL)
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
    stage.pass_time(boot_ns() + round(AFTER_THAW_S * NS))
    stage.net.wait_state(old.name, State.VOTING, RETURN_TIMEOUT_S)
    stage.require_silent(old, frozen)
    return {measure.AFTER_LEASE.key: gap}


def host_lost(stage: Stage) -> Values:
    """The cable is pulled, then the power: nobody says goodbye, and the peers keep dead connections."""
    old, new = stage.roles()
    since = boot_ns()
    stage.lose(old)
    gap = stage.takeover(new, since)
    stage.come_back(old)
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
    stage.pass_time(since + round(RESTART_AFTER_S * NS))
    started = boot_ns()
    stage.net.start(old.name)
    stage.net.wait_state(old.name, State.VALIDATING, RETURN_TIMEOUT_S)
    back = seconds(started, boot_ns())
    return {**same_signer(stage, old, new, pid, since), measure.BACK.key: back}


def send(wanted: list[Process], number: int) -> None:
    """The signal to each of them."""
    for process in wanted:
        process.signal(number)


def same_signer(
    stage: Stage, signer: Validator, other: Validator, pid: int, since: int, *, for_s: float = 0.0
) -> Values:
    """Watches for a lease and more; nobody may have taken over, and what counts as gap is any change of process."""
    end = max(boot_ns(), since + round((for_s or stage.options.lease_s + SETTLED_S) * NS))
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
