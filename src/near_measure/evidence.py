"""What a failed run or test shows: the last words of everybody, the lease as it is stored, the referee's findings."""

from __future__ import annotations

import base64
from pathlib import Path

from near_localnet import bring_up
from near_localnet.layout import NAMES, SIGNER, VALIDATORS
from near_localnet.localnet import Localnet
from near_measure import consul_probe
from near_measure.clock import boot_ns, seconds
from near_measure.signatures import SignatureLog

SUPERVISOR_LINES = 30
NEARD_LINES = 15
SIGNATURES = 20


def evidence(net: Localnet) -> str:
    """All of it as text. Best effort: what cannot be had is said to be missing."""
    lines: list[str] = [f"boot clock now: {boot_ns()}", "", "processes:"]
    found = [process for name in NAMES for process in net.select(name, "host")]
    lines += [f"    {p.name} {p.part} pid {p.pid}{' (stopped)' if p.stopped else ''}" for p in found]
    for host in VALIDATORS:
        lines += _tail(f"supervisor of {host.name}", net.layout.log(host.name), SUPERVISOR_LINES)
        lines += _tail(f"neard and guard of {host.name}", net.layout.run_dir(host) / "neard.log", NEARD_LINES)
    lines += ["", "lease record, as stored:", f"    {consul_probe.lease_text(net.layout)}", *_lease_value(net)]
    judged = net.judge.verdict()
    lines += ["", f"referee: {judged.text if judged else 'no log'}", *_signatures(net)]
    return "\n".join(lines)


def _tail(what: str, log: Path, count: int) -> list[str]:
    words = bring_up.tail(log, count)
    return ["", f"{what}, last lines:" if words else f"{what}: no log", *(f"    {line}" for line in words)]


def _lease_value(net: Localnet) -> list[str]:
    entry = consul_probe.lease_entry(net.layout)
    try:
        return [f"    value: {base64.b64decode(entry['Value']).decode(errors='replace')}"] if entry else []
    except (KeyError, TypeError, ValueError):
        return []


def _signatures(net: Localnet) -> list[str]:
    now = boot_ns()
    last = SignatureLog(net.layout.referee_log, SIGNER).poll()[-SIGNATURES:]
    lines = [f"last {len(last)} signatures of {SIGNER}:"]
    for item in last:
        age = seconds(item.boot_ns, now)
        lines.append(f"    {item.boot_ns}  {age:7.2f} s ago  {item.home} (pid {item.pid}) {item.kind} {item.height}")
    return lines
