"""One look at the whole localnet: processes, states, heights, lease, Consul's leader, the referee's verdict."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from near_ha.records.states import State
from near_localnet import chain, consul_cluster, pair, processes
from near_localnet.layout import CHAIN_NODES, CONSUL_SERVERS, VALIDATORS, Layout, Validator
from near_localnet.processes import Process
from near_localnet.verdict import Judge, Verdict
from near_supervisor.commandline.cluster_text import crash_text, waits_text
from near_supervisor.io.last_words import last_words

DOWN = "down"
RUNNING = "running"
FROZEN = "frozen"
SILENT = "silent"
END_BYTES = 8 * 1024


@dataclass(frozen=True)
class HostStatus:
    """One host of the pair. `state` is the supervisor's, or `down`, `frozen`, `silent` (runs, but does not answer)."""

    name: str
    state: str
    reason: str
    height: int | None
    term: int | None
    lease_left_ms: int | None
    supervisor_pid: int | None
    guard_pid: int | None
    neard_pid: int | None
    armed: bool
    metrics: str
    waits: str = ""
    """What it waits for, with the seconds that are left."""
    crash: str = ""
    """How its neard ended by itself, and what that said last, as long as that is news."""


@dataclass(frozen=True)
class NodeStatus:
    """One unsupervised node of the chain. `crash` is what one that is down said last, if that tells why."""

    name: str
    state: str
    height: int | None
    pid: int | None
    crash: str = ""


@dataclass(frozen=True)
class ConsulStatus:
    """One Consul server."""

    name: str
    state: str
    leader: bool
    pid: int | None
    url: str


@dataclass(frozen=True)
class Status:
    """Everything, at one moment."""

    active: str
    hosts: tuple[HostStatus, ...]
    nodes: tuple[NodeStatus, ...]
    consul: tuple[ConsulStatus, ...]
    consul_leader: str
    verdict: Verdict | None

    def host(self, name: str) -> HostStatus:
        """The host of the pair with this name."""
        return next(host for host in self.hosts if host.name == name)

    def state(self, name: str) -> str:
        """State of one host of the pair."""
        return self.host(name).state

    def states(self) -> dict[str, str]:
        """State of every part by its name."""
        parts: tuple[HostStatus | NodeStatus | ConsulStatus, ...] = (*self.hosts, *self.nodes, *self.consul)
        return {part.name: part.state for part in parts}

    @property
    def missing(self) -> str:
        """What the hosts of the pair wait for, a clause; "" where nothing is missing."""
        return "; ".join(f"{host.name} waits for {host.waits}" for host in self.hosts if host.waits)

    @property
    def running(self) -> bool:
        """Whether any part of the localnet is up."""
        return any(state != DOWN for state in self.states().values())

    @property
    def healthy(self) -> bool:
        """Whether one host validates, the other votes, and everything else runs."""
        hosts = sorted(host.state for host in self.hosts)
        others = [part.state for part in self.nodes] + [part.state for part in self.consul]
        paired = hosts == [State.VALIDATING.value, State.VOTING.value]
        return paired and set(others) == {RUNNING} and bool(self.consul_leader)

    @property
    def at_work(self) -> bool:
        """Whether one host signs or stands ready, on a chain and a Consul that work: a part may be down on purpose."""
        ready = any(host.state in (State.VALIDATING.value, State.VOTING.value) for host in self.hosts)
        return ready and bool(self.consul_leader) and all(node.state == RUNNING for node in self.nodes)

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {**asdict(self), "running": self.running, "healthy": self.healthy}


def look(layout: Layout, judge: Judge | None = None) -> Status:
    """Asks everyone; the referee only when there is a `judge`. A part that does not answer costs a second at most."""
    found = processes.find(layout.data)
    hosts = tuple(_host(layout, host, found) for host in VALIDATORS)
    leader = consul_cluster.leader(layout) if any(process.part == "consul" for process in found) else ""
    return Status(
        active=next((host.name for host in hosts if host.state == State.VALIDATING.value), ""),
        hosts=hosts,
        nodes=tuple(_node(layout, node.name, found) for node in CHAIN_NODES),
        consul=tuple(_consul(layout, server, leader, found) for server in CONSUL_SERVERS),
        consul_leader=leader,
        verdict=judge.verdict() if judge else None,
    )


def _pick(found: list[Process], name: str, part: str) -> Process | None:
    return next((process for process in found if process.name == name and process.part == part), None)


def _host(layout: Layout, host: Validator, found: list[Process]) -> HostStatus:
    supervisor, guard, neard = (_pick(found, host.name, part) for part in ("supervisor", "guard", "neard"))
    said: dict[str, Any] = {}
    reason = ""
    if supervisor is None:
        state = DOWN
        if guard or neard:
            reason = "no supervisor; the guard is left, and holds the deadline"
    elif supervisor.stopped:
        state = FROZEN
    else:
        said = pair.status(layout, host) or {}
        state = str(said.get("state") or SILENT)
        reason = str(said.get("reason") or "")
    sync, inner = said.get("sync") or {}, said.get("neard") or {}
    return HostStatus(
        name=host.name,
        state=state,
        reason=reason,
        height=sync.get("height"),
        term=said.get("term"),
        lease_left_ms=said.get("lease_left_ms"),
        supervisor_pid=supervisor.pid if supervisor else None,
        guard_pid=guard.pid if guard else None,
        neard_pid=neard.pid if neard else None,
        armed=bool(inner.get("armed")),
        metrics=f"http://{layout.metrics_address(host)}/metrics",
        waits=waits_text(said),
        crash=crash_text(said),
    )


def _run_state(process: Process | None) -> str:
    if process is None:
        return DOWN
    return FROZEN if process.stopped else RUNNING


def _node(layout: Layout, name: str, found: list[Process]) -> NodeStatus:
    process = _pick(found, name, "neard")
    node = next(node for node in CHAIN_NODES if node.name == name)
    height = chain.height(layout, node) if process and not process.stopped else None
    crash = "" if process else last_words(_end_of(layout.log(name)))
    return NodeStatus(name, _run_state(process), height, process.pid if process else None, crash)


def _end_of(log: Path) -> str:
    """Whole lines: what is cut off begins in the middle of one."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - END_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return text.partition("\n")[2] if size > END_BYTES else text


def _consul(layout: Layout, server: str, leader: str, found: list[Process]) -> ConsulStatus:
    process = _pick(found, server, "consul")
    pid = process.pid if process else None
    return ConsulStatus(server, _run_state(process), server == leader, pid, layout.consul_url(server))
