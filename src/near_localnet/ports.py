"""Whether ports are free, and who has them if not."""

from __future__ import annotations

import contextlib
import errno
import pwd
import socket
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from near_localnet import processes
from near_localnet.problem import Problem

TCP_LISTEN = "0A"


@dataclass(frozen=True)
class Port:
    """An address that a part is going to listen on, and which part."""

    host: str
    number: int
    used_by: str


def require_free(ports: Iterable[Port], advice: str) -> None:
    """Raises Problem naming the first port that cannot be bound, why, and who listens there if that can be known."""
    for port in ports:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            # As the servers themselves do: a connection that lingers from an earlier run is no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((port.host, port.number))
            except OSError as error:
                raise Problem(_explain(port, error), advice) from None


@contextlib.contextmanager
def held(port: Port, advice: str) -> Iterator[None]:
    """Keeps others from this address meanwhile: a lock between all users and checkouts of this machine.

    Raises Problem naming who has it.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as door:
        try:
            door.bind((port.host, port.number))
            door.listen()
        except OSError as error:
            raise Problem(_explain(port, error), advice) from None
        yield


def _explain(port: Port, error: OSError) -> str:
    where = f"{port.host}:{port.number}, which {port.used_by} needs,"
    if error.errno != errno.EADDRINUSE:
        return f"{where} cannot be used: {error.strerror}."
    holder = listener(port.host, port.number)
    return f"{where} is taken by {holder}." if holder else f"{where} is taken by another process."


def listener(host: str, number: int) -> str:
    """Who keeps others from this address: name, pid and, of a localnet's process, its data; else the user, or ""."""
    sockets = [one for table in ("tcp", "tcp6") for one in listening_sockets(_table(table), host, number)]
    inodes = {f"socket:[{one.inode}]" for one in sockets}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(link.readlink()) in inodes for link in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (pid {process.name}{_localnet_of(process)})"
        except OSError:  # gone meanwhile, or another user's
            continue
    return f"a process of user {_user(sockets[0].uid)}" if sockets else ""


def _localnet_of(process: Path) -> str:
    data = processes.parse_environ((process / "environ").read_bytes()).get(processes.DATA_VARIABLE)
    return f", of the localnet in {data}" if data else ""


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _table(name: str) -> str:
    try:
        return Path("/proc/net", name).read_text()
    except OSError:
        return ""


@dataclass(frozen=True)
class ListeningSocket:
    """A row of /proc/net/tcp or tcp6."""

    inode: str
    uid: int


def listening_sockets(table: str, host: str, number: int) -> list[ListeningSocket]:
    """The sockets that listen there or on all addresses, from the text of /proc/net/tcp or tcp6."""
    # The kernel prints addresses as words of the machine's own byte order.
    own = socket.inet_aton(host)[:: -1 if sys.byteorder == "little" else 1].hex().upper()
    found = []
    for row in (line.split() for line in table.splitlines()[1:]):
        address, _colon, port = row[1].rpartition(":")
        if row[3] == TCP_LISTEN and int(port, 16) == number and (address == own or not address.strip("0")):
            found.append(ListeningSocket(row[9], int(row[7])))
    return found
