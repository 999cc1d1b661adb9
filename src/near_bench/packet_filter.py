"""Packets of open connections dropped by the kernel: how a host is lost whose neard has a network of its own.

With a chain of rules of its own in iptables, that names single connections of this machine and is gone afterwards.
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

from near_localnet.problem import Problem

CHAIN = f"near-bench-{os.getpid()}"
ESTABLISHED = "01"
Connection = tuple[str, int, str, int]
"""Own address and port, the peer's address and port."""


class PacketFilter:
    """Drops what belongs to the connections it was given, in both directions, from `cut` to `mend`."""

    def __init__(self) -> None:
        self._cut = False

    def cut(self, connections: Iterable[Connection]) -> None:
        """From now on none of their packets arrives. Raises Problem where the firewall cannot be changed."""
        if not self._cut:
            _iptables("-N", CHAIN)
            self._cut = True
            _iptables("-I", "INPUT", "-j", CHAIN)
        for own, own_port, peer, peer_port in connections:
            _drop(own, own_port, peer, peer_port)
            _drop(peer, peer_port, own, own_port)

    def mend(self) -> None:
        """All packets arrive again; without a rule, nothing happens."""
        if self._cut:
            self._cut = False
            _iptables("-D", "INPUT", "-j", CHAIN)
            _iptables("-F", CHAIN)
            _iptables("-X", CHAIN)


def established(pid: int) -> list[Connection]:
    """The process's open TCP connections over IPv4."""
    sockets = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            sockets.add(str(descriptor.readlink()))
        except FileNotFoundError:
            continue  # closed meanwhile
    lines = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    mine = [line for line in lines if line[3] == ESTABLISHED and f"socket:[{line[9]}]" in sockets]
    return [(*_endpoint(line[1]), *_endpoint(line[2])) for line in mine]


def _endpoint(text: str) -> tuple[str, int]:
    """`0100007F:1F90` as proc(5) writes it: the address in the host's byte order, the port in hexadecimal."""
    address, port = text.split(":")
    return socket.inet_ntoa(struct.pack("=I", int(address, 16))), int(port, 16)


def _drop(source: str, source_port: int, target: str, target_port: int) -> None:
    ports = ["--sport", str(source_port), "--dport", str(target_port)]
    _iptables("-A", CHAIN, "-p", "tcp", "-s", source, "-d", target, *ports, "-j", "DROP")


def _iptables(*words: str) -> None:
    hint = "The row host-loss with a real neard needs root and iptables; leave it out with --rows."
    try:
        done = subprocess.run(["iptables", "-w", *words], capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Problem(f"iptables cannot be run: {error}.", hint) from None
    if done.returncode != 0:
        raise Problem(f"iptables {' '.join(words)} was refused: {done.stderr.strip()}.", hint)
