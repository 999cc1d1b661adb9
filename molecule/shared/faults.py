"""What a scenario breaks on a host, and how it is put right: a strike, or a context that heals."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from cluster import Cluster
from observer import Host, docker, until

# Consul's servers and agents among each other; the agent of a host itself is asked on loopback, which is never cut.
CONSUL_PORTS = (8300, 8301, 8302)
# The simulated network: the chain's own nodes, the hosts' neards as validator and as standby.
CHAIN_PORTS = "24000:25999"
DROP_IN = "/run/systemd/system/{unit}.service.d/broken.conf"
GONE_S = 20.0


def supervisor_unit(cluster: Cluster) -> str:
    """The supervisor's unit."""
    return f"near-supervisor@{cluster.account}"


def guard_unit(cluster: Cluster) -> str:
    """The unit of guard and neard."""
    return f"near-guard@{cluster.account}"


def main_pid(host: Host, unit: str) -> int:
    """The main process of a unit; 0 if it has none."""
    return int(host.run("systemctl", "show", "--property=MainPID", "--value", unit).strip() or 0)


def neard_pid(cluster: Cluster, node: str) -> int:
    """The neard of a node."""
    (pid,) = cluster.nodes[node].neards(cluster.home)
    return pid


def signal(host: Host, name: str, *pids: int) -> None:
    """Sends a signal to processes of a host; 0 stands for one that is not there, and is an error."""
    assert all(pids), f"{host.name}: nothing to signal in {pids}"
    host.run("kill", f"-{name}", *map(str, pids))


def kill_units(host: Host, *units: str) -> None:
    """SIGKILL to the main process of each unit, in one breath."""
    signal(host, "KILL", *(main_pid(host, unit) for unit in units))


@contextmanager
def without_restart(host: Host, *units: str) -> Iterator[None]:
    """Within it, systemd does not bring back what ends of these units; afterwards they run."""
    files = [DROP_IN.format(unit=f"{unit.partition('@')[0]}@") for unit in units]
    for file in files:
        write(host, file, "[Service]\nRestart=no\n")
    host.run("systemctl", "daemon-reload")
    try:
        yield
    finally:
        host.run("rm", "-f", *files)
        host.run("systemctl", "daemon-reload")
        for unit in units:
            host.run("systemctl", "start", unit)


def write(host: Host, path: str, text: str) -> None:
    """Makes a file of root's on a host, and the directory it is in."""
    host.run("sh", "-c", 'mkdir -p "$(dirname "$1")" && printf %s "$2" >"$1"', "sh", path, text)


@contextmanager
def frozen(host: Host) -> Iterator[None]:
    """Within it, no process of the host runs; their clocks go on."""
    docker("pause", host.name)
    try:
        yield
    finally:
        docker("unpause", host.name)


@contextmanager
def rules(host: Host, *each: Sequence[str]) -> Iterator[None]:
    """Within it, these rules of iptables hold on the host, the last of them first."""
    for rule in each:
        host.run("iptables", "-w", "-I", *rule)
    try:
        yield
    finally:
        for rule in each:
            host.run("iptables", "-w", "-D", *rule)


def both_ways(*match: str) -> list[list[str]]:
    """Drops what matches on its way in and out, but never on loopback."""
    return [["INPUT", "!", "-i", "lo", *match, "-j", "DROP"], ["OUTPUT", "!", "-o", "lo", *match, "-j", "DROP"]]


def consul_ports() -> list[list[str]]:
    """Everything between Consul's servers: a server that is cut off so has no leader."""
    ports = ",".join(map(str, CONSUL_PORTS))
    return [
        rule
        for protocol in ("tcp", "udp")
        for end in ("--sports", "--dports")
        for rule in both_ways("-p", protocol, "-m", "multiport", end, ports)
    ]


def chain_ports() -> list[list[str]]:
    """Everything between neards."""
    return [
        rule for end in ("--sports", "--dports") for rule in both_ways("-p", "tcp", "-m", "multiport", end, CHAIN_PORTS)
    ]


def everything() -> list[list[str]]:
    """The host's network cable."""
    return both_ways()


def outgoing() -> list[list[str]]:
    """What the host says; it still hears."""
    return [["OUTPUT", "!", "-o", "lo", "-j", "DROP"]]


def incoming() -> list[list[str]]:
    """What the host hears; it still speaks."""
    return [["INPUT", "!", "-i", "lo", "-j", "DROP"]]


@contextmanager
def lossy(host: Host, loss: float, delay_ms: int) -> Iterator[str]:
    """Within it, packets of the host are lost and late; gives what was really done, as not every kernel has netem.

    Without netem so many packets are dropped in each direction by iptables, and none is late by more than what their
    repetition takes.
    """
    netem = ["tc", "qdisc", "add", "dev", "eth0", "root", "netem", "loss", f"{loss:.0%}", "delay", f"{delay_ms}ms"]
    try:
        host.run(*netem)
    except OSError:
        chance = ["-m", "statistic", "--mode", "random", "--probability", str(loss)]
        with rules(host, *both_ways(*chance)):
            yield f"{loss:.0%} lost each way, by iptables: this kernel has no netem"
        return
    try:
        yield f"{loss:.0%} lost and {delay_ms} ms late, by netem"
    finally:
        host.run("tc", "qdisc", "del", "dev", "eth0", "root")


def wait_gone(host: Host, pid: int) -> None:
    """Waits until a process of the host has ended."""
    until(f"process {pid} is gone", GONE_S, lambda: pid not in [it[0] for it in host.processes()])


def consul(host: Host, *words: str) -> str:
    """What Consul's own command prints, asked on a host. Raises OSError when it fails."""
    return host.run("consul", *words)


def http(host: Host, method: str, path: str, body: str = "") -> str:
    """What the host's Consul agent answers."""
    return host.run("curl", "-sS", "--max-time", "5", "-X", method, "-d", body, f"http://127.0.0.1:8500{path}")


def docker_in_background(*words: str) -> subprocess.Popen[bytes]:
    """A docker command that is waited for later."""
    return subprocess.Popen(["docker", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def pass_time(duration_s: float) -> None:
    """Lets a fault last: what must not happen meanwhile shows only if one waits for it."""
    time.sleep(duration_s)
