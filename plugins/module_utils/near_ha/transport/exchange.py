"""One HTTP request and its answer, bounded: all steps together in time, everything that is read in bytes.

It asks exactly the address that it is given: no proxy of the environment, no redirect, no second try.
"""

from __future__ import annotations

import http.client
import io
import queue
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

MAX_BYTES = 1024 * 1024
# Status line, headers and the sizes of chunks count too.
_OVERHEAD = 64 * 1024


class NoAnswer(Exception):
    """What came is not HTTP. The text says why, as a clause."""


class BadAnswer(Exception):
    """It is HTTP, and cannot be used: too large, or cut off. The text says why, as a clause."""


@dataclass(frozen=True)
class UnixAddress:
    """A socket in the file system."""

    path: Path


@dataclass(frozen=True)
class TcpAddress:
    """A port of a host; with ``tls`` the connection is encrypted, and the host proves its name by it."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True)
class HttpRequest:
    """``target`` is path and query, quoted already."""

    method: str
    target: str
    body: bytes | None = None
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True)
class HttpResponse:
    """``headers`` by their names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def exchange(
    address: UnixAddress | TcpAddress, request: HttpRequest, timeout_s: float, max_bytes: int = MAX_BYTES
) -> HttpResponse:
    """The answer to ``request``, whatever its status.

    ``timeout_s`` bounds everything from the look-up of the name to the last byte, ``max_bytes`` the body. Raises
    OSError (TimeoutError when the time is over), NoAnswer, BadAnswer.
    """
    deadline = _Deadline(timeout_s)
    connected = _connected(address, deadline)
    try:
        return _talk(connected, address, request, (deadline, max_bytes))
    finally:
        connected.close()


def _talk(
    connected: socket.socket,
    address: UnixAddress | TcpAddress,
    request: HttpRequest,
    bounds: tuple[_Deadline, int],
) -> HttpResponse:
    deadline, max_bytes = bounds
    host, port = ("localhost", None) if isinstance(address, UnixAddress) else (address.host, address.port)
    connection = http.client.HTTPConnection(host, port)
    connection.sock = _Wire(connected, deadline, max_bytes + _OVERHEAD)
    try:
        headers = {"Connection": "close", **(request.headers or {})}
        connection.request(request.method, request.target, request.body, headers)
        with connection.getresponse() as response:
            # Never all at once: what is asked for is set aside before it is there, whatever a header promised.
            body = response.read(max_bytes + 1)
            if len(body) > max_bytes:
                raise BadAnswer(f"it is larger than {max_bytes} bytes")
            if response.length:
                raise BadAnswer(f"it was cut off {response.length} bytes before its end")
            names = {name.lower(): value for name, value in response.getheaders()}
            return HttpResponse(response.status, names, body)
    except http.client.IncompleteRead:
        raise BadAnswer("it was cut off") from None
    except http.client.HTTPException as error:
        raise NoAnswer(str(error)[:100] or type(error).__name__) from None
    except ValueError as error:
        # The library's own words for numbers in a chunk or a length that are none.
        raise BadAnswer(str(error)[:100]) from None


class _Deadline:
    def __init__(self, timeout_s: float) -> None:
        self._end = monotonic() + timeout_s

    def left(self) -> float:
        """Seconds; TimeoutError when there are none."""
        left = self._end - monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left


class _Wire:
    """What http.client needs of a socket; counts below it, where no header can say anything else."""

    def __init__(self, connected: socket.socket, deadline: _Deadline, limit: int) -> None:
        self._connected, self._deadline, self._limit = connected, deadline, limit

    def sendall(self, data: bytes) -> None:
        self._connected.settimeout(self._deadline.left())
        self._connected.sendall(data)

    def makefile(self, *_mode: object) -> io.BufferedReader:
        return io.BufferedReader(_Counted(self._connected, self._deadline, self._limit))

    def close(self) -> None:
        """The socket is closed by whoever opened it: the answer is still being read when http.client is done."""


class _Counted(io.RawIOBase):
    def __init__(self, connected: socket.socket, deadline: _Deadline, limit: int) -> None:
        super().__init__()
        self._connected, self._deadline, self._limit = connected, deadline, limit
        self._left = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connected.settimeout(self._deadline.left())
        got = self._connected.recv_into(buffer)
        self._left -= got
        if self._left < 0:
            raise BadAnswer(f"it is larger than {self._limit} bytes")
        return got


def _connected(address: UnixAddress | TcpAddress, deadline: _Deadline) -> socket.socket:
    if isinstance(address, UnixAddress):
        return _opened(socket.AF_UNIX, str(address.path), deadline.left())
    found = _looked_up(address, deadline)
    while True:
        family, where = found.pop(0)
        try:
            # One address that swallows everything leaves time for the others.
            plain = _opened(family, where, deadline.left() / (len(found) + 1))
        except OSError:
            if not found:
                raise
            continue
        return plain if address.tls is None else _encrypted(plain, address.tls, address.host, deadline)


def _opened(family: int, where: Any, timeout_s: float) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.settimeout(timeout_s)
        opened.connect(where)
    except BaseException:
        opened.close()
        raise
    return opened


def _encrypted(plain: socket.socket, tls: ssl.SSLContext, host: str, deadline: _Deadline) -> socket.socket:
    try:
        plain.settimeout(deadline.left())
        return tls.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def _looked_up(address: TcpAddress, deadline: _Deadline) -> list[tuple[int, Any]]:
    """Family and address of each; in a thread of its own, because a look-up cannot be told to hurry."""
    found: queue.SimpleQueue[list[tuple[int, Any]] | OSError] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            infos = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
            found.put([(info[0], info[4]) for info in infos])
        except OSError as error:
            found.put(error)
        except UnicodeError:
            found.put(OSError(f"{address.host!r} is not a host name"))

    threading.Thread(target=look_up, name="look-up", daemon=True).start()
    try:
        answer = found.get(timeout=deadline.left())
    except queue.Empty:
        raise TimeoutError("timed out") from None
    if isinstance(answer, OSError):
        raise answer
    return answer
