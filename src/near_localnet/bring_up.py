"""The order in which a localnet comes up, and what is checked before."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from near_ha.records.states import State
from near_localnet import chain, consul_cluster, loss, pair, processes, status
from near_localnet.consul_install import ensure_consul
from near_localnet.layout import CHAIN_NODES, CONSUL_SERVERS, NAMES, VALIDATORS, Layout
from near_localnet.options import Options
from near_localnet.ports import Port, held, require_free
from near_localnet.problem import Problem
from near_localnet.progress import Progress
from near_localnet.status import Status
from near_localnet.verdict import retire_log_of_earlier_boot

NEEDED_DISK_BYTES = 300 * 1024 * 1024
LOG_TAIL_LINES = 6
DOOR_PORT = 2232
POLL_S = 0.1


class LocalnetToRaise(Protocol):
    """What is needed of the localnet that comes up."""

    layout: Layout
    tools: Path

    def end_all(self, wipe: bool = False) -> int:
        """Ends every process; returns how many there were."""

    def wait_until(self, what: str, true: Callable[[Status], bool], timeout_s: float) -> Status:
        """Looks again and again until `true`. Raises Problem naming `what` was waited for."""


def bring_up(
    net: LocalnetToRaise, options: Options, progress: Progress, timeout_s: float, keep: bool = False
) -> Status:
    """Starts everything and waits for it; Problem when something stands in the way, or after `timeout_s`.

    What was started is ended then, also after Ctrl-C, unless `keep`.
    """
    layout = net.layout
    _clear_remains(net, progress)
    _check_disk(layout)
    _check_same_neard(layout, options)
    consul = ensure_consul(net.tools, progress.say)
    options = Options(**{**vars(options), "consul": str(consul)})
    others = "use other addresses: --instance N, for example 1."
    # Two that find all ports free at once would take half of them each.
    with held(door(layout), f"Another localnet is starting there. Wait for it, or {others}"):
        require_free(
            [*consul_cluster.needed_ports(layout), *chain.needed_ports(layout)], f"Stop that process, or {others}"
        )
        options.save(layout.state_file)
        retire_log_of_earlier_boot(layout.referee_log)
        deadline = time.monotonic() + timeout_s
        try:
            _start_all(net, options, progress, deadline)
            return net.wait_until("everything runs", lambda seen: seen.healthy, max(deadline - time.monotonic(), 1.0))
        except Problem as problem:
            words = evidence(net)
            raise Problem(f"{problem.message}\n{words}".rstrip(), _after(net, problem.hint, keep)) from None
        except KeyboardInterrupt:
            _after(net, "", keep)
            raise


def door(layout: Layout) -> Port:
    """What a localnet holds while it comes up, so that no other does at the same addresses."""
    return Port(layout.address, DOOR_PORT, "a localnet that starts")


def _after(net: LocalnetToRaise, hint: str, keep: bool) -> str:
    """What is to be done next; ends what was started."""
    if keep:
        more = "What was started runs on; end it with: bin/localnet down"
    else:
        net.end_all()
        more = "Nothing of it runs any more. To look at what is left of it: bin/localnet up --keep"
    return f"{hint}\n  {more}" if hint else more


def _start_all(net: LocalnetToRaise, options: Options, progress: Progress, deadline: float) -> None:
    layout = net.layout
    environ = environment(layout, options)
    first, second = VALIDATORS
    with progress.step("consul", "three servers on " + ", ".join(map(layout.consul_address, CONSUL_SERVERS))):
        for server in CONSUL_SERVERS:
            consul_cluster.start(layout, server, Path(options.consul))
        try:
            _wait(progress, "Consul has a leader and three voters", lambda: consul_cluster.ready(layout), deadline)
        except Problem as problem:
            # What servers remember of an earlier run, at other addresses or together with others, may be why.
            raise Problem(problem.message, "If it stays so, begin anew: bin/localnet down --wipe, then up") from None
    with progress.step("chain", f"node0, node1, node2 with a block every {options.block_time_ms} ms"):
        chain.install_neard(layout, options)
        chain.make(layout, options)
        for host in VALIDATORS:
            # A host that was lost when the localnet went down.
            loss.mend(layout, host)
        for node in CHAIN_NODES:
            chain.start(layout, node, environ)
    # The first one gets a head start, so that it is the one that validates, as in the tutorial.
    with progress.step(first.name, f"Validating, metrics on {layout.metrics_address(first)}"):
        pair.start(layout, first, options, environ)
        _wait_state(net, first.name, State.VALIDATING, deadline)
    with progress.step(second.name, f"Voting, metrics on {layout.metrics_address(second)}"):
        pair.start(layout, second, options, environ)
        _wait_state(net, second.name, State.VOTING, deadline)
    with progress.step("blocks", "the chain grows"):
        before = chain.height(layout, CHAIN_NODES[0]) or 0
        _wait(progress, "the chain grows", lambda: (chain.height(layout, CHAIN_NODES[0]) or 0) > before, deadline)


def environment(layout: Layout, options: Options) -> dict[str, str]:
    """What every process gets on top of our own environment: which neard, and the simulation's knobs."""
    return {
        "PATH": f"{layout.bin}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "NEARD_SIM_REFEREE_LOG": str(layout.referee_log),
        "NEARD_SIM_START_DELAY_MS": str(options.start_delay_ms),
        "NEARD_SIM_STOP_DELAY_MS": str(options.stop_delay_ms),
        "NEARD_SIM_KEY_ROUTING": str(int(options.key_routing)),
    }


def _clear_remains(net: LocalnetToRaise, progress: Progress) -> None:
    """Ends what an unclean end has left; a localnet that is at work is left alone."""
    if not processes.find(net.layout.data):
        return
    seen = status.look(net.layout)
    if seen.healthy:
        raise Problem(
            "This localnet is up already, and well.", "Look at it: bin/localnet status; end it: bin/localnet down"
        )
    if seen.at_work:
        away = [name for name, state in seen.states().items() if state == status.DOWN]
        raise Problem(
            "This localnet is up" + (f", but for {', '.join(away)}." if away else "."),
            f"Start what is down: bin/localnet start {away[0] if away else 'NAME'}; or end it all: bin/localnet down",
        )
    with progress.step("clean up", "ending what an earlier run has left"):
        net.end_all()


def _check_disk(layout: Layout) -> None:
    layout.data.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(layout.data).free
    if free < NEEDED_DISK_BYTES:
        raise Problem(
            f"Only {free // 2**20} MiB are free where {layout.data} is; {NEEDED_DISK_BYTES // 2**20} MiB are needed.",
            "Make room, or name another directory: bin/localnet --data DIR up",
        )


def _check_same_neard(layout: Layout, options: Options) -> None:
    """A real neard cannot read what the simulated one wrote, nor the other way round."""
    before = Options.load(layout.state_file)
    if before and bool(before.neard) != bool(options.neard) and layout.near.exists():
        was, now = (("a real" if o.neard else "the simulated") + " neard" for o in (before, options))
        raise Problem(
            f"The chain in {layout.near} was made by {was}, and this is {now}.", "bin/localnet down --wipe, then up"
        )


def _wait_state(net: LocalnetToRaise, name: str, state: State, deadline: float) -> None:
    """Waits for the state, but not for a supervisor that has already given up."""
    wanted = (state.value, status.DOWN)
    seen = net.wait_until(f"{name} is {state.value}", lambda s: s.state(name) in wanted, deadline - time.monotonic())
    if seen.state(name) == status.DOWN:
        raise Problem(f"The supervisor of {name} ended as soon as it was started.")


def _wait(progress: Progress, what: str, true: Callable[[], bool], deadline: float) -> None:
    with progress.waiting() as waiting:
        while not true():
            if time.monotonic() > deadline:
                raise Problem(f"Waited in vain until {what}.")
            waiting.say(lambda: f"until {what}", deadline - time.monotonic())
            time.sleep(POLL_S)


def evidence(net: LocalnetToRaise) -> str:
    """State and last words of every part that is not as it should be."""
    seen = status.look(net.layout)
    states = seen.states()
    good = (State.VALIDATING.value, State.VOTING.value, status.RUNNING)
    lines = []
    for name in NAMES:
        last_words = tail(net.layout.log(name), LOG_TAIL_LINES)
        if states[name] not in good and last_words:
            lines.append(f"{name}: {states[name]}; last lines of {net.layout.log(name)}:")
            lines += [f"    {line}" for line in last_words]
    return "\n".join(lines)


def tail(log: Path, lines: int) -> list[str]:
    """The last lines of a log; none if there is no log."""
    try:
        return log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    except OSError:
        return []
