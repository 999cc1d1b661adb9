"""What people and modules ask for: the pair changes places, or says how it is. As `plays` says of its own."""

from __future__ import annotations

import time
from typing import Any

from near_bench import measure, module_probe, supervisor_log
from near_bench.measure import Values
from near_ha.errors import ControlRefused
from near_ha.records.switchover import FINAL, Phase
from near_ha.transport import control_client
from near_localnet.layout import Validator
from near_localnet.problem import Problem
from near_measure.clock import NS, boot_ns, polls, seconds
from near_measure.stage import RESTORE_TIMEOUT_S, TAKEOVER_TIMEOUT_S, Stage

NOT_YET = ("is not ready", "no standby is ready")
POLL_S = 0.1


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
    since, answer = _accepted(stage, asked, route)
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


def _accepted(stage: Stage, asked: Validator, route: str) -> tuple[int, dict[str, Any]]:
    """When the request was made that was taken, and its answer.

    The neard of a host that has just given its role away is started afresh: until then a refusal says to wait.
    """
    deadline = boot_ns() + round(RESTORE_TIMEOUT_S * NS)
    while True:
        since = boot_ns()
        try:
            return since, control_client.call(
                stage.net.layout.run_dir(asked) / "control.sock", "POST", route, {"by": "bench"}
            )
        except ControlRefused as refused:
            if not any(words in refused.message for words in NOT_YET) or since > deadline:
                raise
        time.sleep(POLL_S)


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
