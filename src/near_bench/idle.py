"""`bin/bench idle`: what supervisor and guard use while nothing happens, and how long a localnet takes to come up."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from near_bench.behind_relays import behind_relays
from near_bench.failover import DONE, FAILED, MISSED
from near_bench.relay import Relay
from near_localnet.layout import VALIDATORS, Layout, Validator
from near_localnet.localnet import Localnet
from near_localnet.problem import Problem
from near_measure import json_file, machine
from near_measure.stage import ROOT, Stage
from near_measure.table import aligned
from near_measure.usage import Usage, usage

UP_BOUND_S = 45.0
UP_TIMEOUT_S = 300
SUPERVISOR_MB, GUARD_MB = 60.0, 15.0
CPU_PERCENT = 1.0
REQUESTS_PER_S = 3.0
SAMPLE_S = 1.0
SETTLE_S = 5.0
HEADER = ("lease", "role", "measured", "bound", "value", "met")
NUMBERS = (0, 3, 4)


@dataclass(frozen=True)
class Finding:
    """One number. `lease_s` and `role` say under which circumstances; `bound` is None for what is only reported."""

    lease_s: float
    role: str
    what: str
    value: float
    unit: str
    bound: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the bound was kept; None without one."""
        return None if self.bound is None else self.value <= self.bound

    def line(self) -> list[str]:
        """Its line of the table."""
        bound = "" if self.bound is None else f"{self.bound:g} {self.unit}"
        met = {True: "yes", False: "NO", None: ""}[self.met]
        return [f"{self.lease_s:g} s", self.role, self.what, bound, f"{self.value:.2f} {self.unit}", met]


def measure(layout: Layout, lease_s: float, seconds: float, block_time_ms: int) -> list[Finding]:
    """Brings a localnet up with `bin/localnet up`, lets it idle for so long, and takes it down. Raises Problem."""
    net = Localnet(layout, ROOT / ".tools")
    try:
        took = _up(layout, lease_s, block_time_ms)
        stage = Stage(net, net.options())
        with ExitStack() as relays:
            counting = {host: relays.enter_context(behind_relays(stage, host)) for host in reversed(VALIDATORS)}
            stage.restore()
            found = _idle(stage, counting, lease_s, seconds)
        return [Finding(lease_s, "", "bin/localnet up", took, "s", UP_BOUND_S), *found]
    finally:
        net.down(wipe=True)


def _up(layout: Layout, lease_s: float, block_time_ms: int) -> float:
    command = [str(ROOT / "bin" / "localnet"), "--data", str(layout.data), "--instance", str(layout.instance), "up"]
    command += ["--lease", f"{lease_s:g}", "--block-time-ms", str(block_time_ms)]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=UP_TIMEOUT_S)
    if done.returncode != 0:
        raise Problem(f"bin/localnet up ended with status {done.returncode}.\n{done.stderr}")
    return time.monotonic() - began


def _idle(stage: Stage, relays: dict[Validator, list[Relay]], lease_s: float, seconds: float) -> list[Finding]:
    """Samples both hosts for `seconds`; nothing else speaks to the supervisors meanwhile."""
    active, standby = stage.roles()
    hosts = {active: "validator", standby: "standby"}
    time.sleep(SETTLE_S)
    pids = {
        (host, part): process.pid
        for host in hosts
        for part in ("supervisor", "guard")
        for process in stage.net.select(host.name, part)
    }
    requests = {host: -sum(relay.requests for relay in relays[host]) for host in hosts}
    samples: dict[tuple[Validator, str], list[Usage]] = {key: [usage(pid)] for key, pid in pids.items()}
    began = time.monotonic()
    while (left := seconds - (time.monotonic() - began)) > 0:
        time.sleep(min(SAMPLE_S, left))
        for key, pid in pids.items():
            samples[key].append(usage(pid))
    took = time.monotonic() - began
    for host in hosts:
        requests[host] += sum(relay.requests for relay in relays[host])
    stage.require_clean()
    found = []
    for host, role in hosts.items():
        found += _used(lease_s, role, "supervisor", samples[host, "supervisor"], (SUPERVISOR_MB, CPU_PERCENT))
        found += _used(lease_s, role, "guard", samples[host, "guard"], (GUARD_MB, None))
        rate = requests[host] / took
        found.append(Finding(lease_s, role, "Consul requests of the supervisor", rate, "/s", REQUESTS_PER_S))
    return found


def _used(
    lease_s: float, role: str, part: str, samples: Sequence[Usage], bounds: tuple[float, float | None]
) -> list[Finding]:
    first, last = samples[0], samples[-1]
    resident = max(sample.resident_mb for sample in samples)
    busy = 100 * (last.cpu_s - first.cpu_s) / (last.at_s - first.at_s)
    return [
        Finding(lease_s, role, f"{part}: resident memory, at most", resident, "MB", bounds[0]),
        Finding(lease_s, role, f"{part}: share of a core", busy, "%", bounds[1]),
    ]


def table(findings: Sequence[Finding]) -> str:
    """What people are shown."""
    return aligned(HEADER, [finding.line() for finding in findings], NUMBERS)


def status(findings: Sequence[Finding]) -> int:
    """DONE or MISSED."""
    return MISSED if any(finding.met is False for finding in findings) else DONE


def run(layout: Layout, leases: Sequence[float], seconds: float, block_time_ms: int, file: Path | None) -> int:
    """The whole command; its exit status."""
    found: list[Finding] = []
    try:
        for lease_s in leases:
            print(f"lease {lease_s:g} s: up, then {seconds:g} s idle", file=sys.stderr, flush=True)
            found += measure(layout, lease_s, seconds, block_time_ms)
    except Problem as problem:
        print(f"bench: {problem}", file=sys.stderr)
        return FAILED
    finally:
        if file:
            json_file.write(file, document(found, seconds, block_time_ms))
        print(f"\n{table(found)}")
    if status(found) == MISSED:
        print("bench: a bound was missed; see the last column", file=sys.stderr)
    return status(found)


def document(findings: Sequence[Finding], seconds: float, block_time_ms: int) -> dict[str, Any]:
    """Everything that was measured, with what it was measured on."""
    return {
        "benchmark": "idle",
        "machine": machine.facts(ROOT),
        "settings": {"seconds": seconds, "block_time_ms": block_time_ms},
        "status": status(findings),
        "findings": [{**asdict(finding), "met": finding.met} for finding in findings],
    }
