"""Asks neard how it is: ``/status``, ``/network_info`` and, of a validator, ``/metrics``.

Whatever listens on that port is not trusted: answers are bounded in time and size and checked for shape.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
from datetime import datetime, timezone
from typing import Any

from near_ha.records.wire import MAX_COUNT, count
from near_supervisor.core.facts.sync import Sample

from . import clock

_MAX_BYTES = 16 * 1024 * 1024
_MAX_VERSION = 100
# It ends up in records that others read.
_MAX_SHOWN = 200
# Connections, also those without a handshake yet; the height up to which it has approved; whether it found its files
# correct. There from its start on.
_METRICS = tuple(
    re.compile(rb"^near_%b (\S+)" % name, re.MULTILINE)
    for name in (b"peer_connections_total", b"largest_target_height", b"config_correct")
)
# Those whose handshake is done, by direction; a series is there from the first such connection on.
_PEERS = re.compile(rb'^near_peer_connections\{(?=[^}\n]*tier="T2")[^}\n]*\} (\d+)$', re.MULTILINE)
# What it has made: neard has either counter only when it has made a first one.
_MADE = tuple(re.compile(rb"^near_%b_produced_total(?: (\S+))?" % name, re.MULTILINE) for name in (b"block", b"chunk"))
# Which of them there are depends on neard's version; each is null as long as no validator key is loaded.
_KEY_FIELDS = ("validator_account_id", "validator_public_key")
_FRACTION = re.compile(r"\.\d+")


class Unreadable(Exception):
    """neard did not answer, or not with what ``/status`` should hold."""


class _TimedSocket(socket.socket):
    """Every wait for more ends at one moment: a timeout of the socket alone begins again with each byte."""

    limit = 0

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        left = self.limit - clock.boot_ms()
        if left <= 0:
            raise TimeoutError("timed out")
        self.settimeout(left / 1000)
        return super().recv_into(buffer, nbytes, flags)


class _TimedConnection(http.client.HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock = _TimedSocket(fileno=self.sock.detach())

    def give(self, timeout_ms: int) -> None:
        """The answer that comes next has this long, all in all."""
        self.timeout = timeout_ms / 1000
        if self.sock is None:
            self.connect()
        if isinstance(self.sock, _TimedSocket):
            self.sock.settimeout(self.timeout)
            self.sock.limit = clock.boot_ms() + timeout_ms


class NeardRpc:
    """One connection to neard's RPC, opened again whenever it breaks. For one thread.

    ``version`` is what the neard that answered last calls its own ("" = not known); any thread may read it.
    """

    def __init__(self, host: str, port: int, timeout_ms: int) -> None:
        self.version = ""
        self._connection = _TimedConnection(host, port)
        self._timeout_ms = timeout_ms

    def sample(self, metrics: bool) -> Sample:
        """neard's state now, with ``metrics`` all of it; Unreadable with the reason when it cannot be told."""
        status = self._json("/status")
        try:
            info = _object(status["sync_info"])
            height = _height(info["latest_block_height"])
            syncing = info["syncing"] is not False
            born = _parse_time(info["latest_block_time"])
        except (KeyError, TypeError, ValueError) as error:
            shape = f"{type(error).__name__}: {error}"[:_MAX_SHOWN]
            raise Unreadable(f"/status has an unexpected shape ({shape})") from None
        head_age_ms = clock.wall_ms() - born
        self.version = _version(status.get("version"))
        told = self._metrics() if metrics else b""
        connections, target, correct = (_metric(pattern, told) for pattern in _METRICS)
        known = _PEERS.findall(told)
        peers = min(sum(map(int, known)), MAX_COUNT) if known else connections
        return Sample(
            height=height,
            syncing=syncing,
            head_age_ms=head_age_ms,
            peers=self._peers() if peers is None else peers,
            target_height=target,
            shows_key=any(status.get(name) is not None for name in _KEY_FIELDS),
            key=_short(status.get("validator_public_key")),
            born_ms=born,
            version=self.version,
            chain_id=_short(status.get("chain_id")),
            config_correct=correct != 0,
            made=_made(told) if target is not None or correct is not None else None,
        )

    def call(self, method: str, params: object) -> Any:
        """The ``result`` of a JSON-RPC call; Unreadable with neard's own reason when there is none."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        try:
            document = json.loads(self._ask("POST", "/", body)[1])
        except (ValueError, RecursionError):
            raise Unreadable(f"{method} is not answered with JSON") from None
        if not isinstance(document, dict) or "result" not in document:
            error = document.get("error") if isinstance(document, dict) else None
            cause = error.get("cause") if isinstance(error, dict) else None
            told = _short(cause.get("name") if isinstance(cause, dict) else None)
            raise Unreadable(f"{method} has no result ({told or 'no reason is given'})")
        return document["result"]

    def status(self) -> dict[str, object]:
        """The answer of ``/status``, whatever is in it; Unreadable when it is no JSON object."""
        return self._json("/status")

    def _peers(self) -> int | None:
        peers = self._json("/network_info").get("num_active_peers")
        return peers if isinstance(peers, int) and not isinstance(peers, bool) else None

    def _metrics(self) -> bytes:
        """All that it tells of itself; nothing when it does not."""
        try:
            return self._get("/metrics")
        except Unreadable:
            return b""

    def _json(self, route: str) -> dict[str, object]:
        try:
            document = json.loads(self._get(route))
        except (ValueError, RecursionError):
            raise Unreadable(f"{route} is not JSON") from None
        if not isinstance(document, dict):
            raise Unreadable(f"{route} is not a JSON object")
        return document

    def _get(self, route: str) -> bytes:
        status, body = self._ask("GET", route, None)
        if status != http.client.OK:
            self._connection.close()
            raise Unreadable(f"{route} answered {status} with {len(body)} bytes")
        return body

    def _ask(self, method: str, route: str, given: str | None) -> tuple[int, bytes]:
        try:
            self._connection.give(self._timeout_ms)
            self._connection.request(method, route, given, {"Content-Type": "application/json"} if given else {})
            response = self._connection.getresponse()
            body = response.read(_MAX_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Unreadable(f"{route}: {error or type(error).__name__}") from None
        if len(body) > _MAX_BYTES:
            self._connection.close()
            raise Unreadable(f"{route} answered {response.status} with {len(body)} bytes")
        return response.status, body


def _metric(pattern: re.Pattern[bytes], text: bytes) -> int | None:
    match = pattern.search(text)
    try:
        return _height(int(float(match.group(1)))) if match else None
    except (TypeError, ValueError, OverflowError):
        return None


def _made(metrics: bytes) -> tuple[int, int] | None:
    """Blocks and chunks, of a neard that tells of itself; None where a counter is there and is no count."""
    blocks, chunks = (_metric(pattern, metrics) if pattern.search(metrics) else 0 for pattern in _MADE)
    return None if blocks is None or chunks is None else (blocks, chunks)


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is not an object")
    return value


def _height(value: object) -> int:
    height = count(value)
    if height is None:
        raise ValueError(f"height {value!r}")
    return height


def _version(told: object) -> str:
    """neard tells ``{"version": "2.7.0", "build": …}``."""
    return _short(told.get("version") if isinstance(told, dict) else None)


def _short(text: object) -> str:
    """What can be shown and passed on; "" for anything else."""
    return text if isinstance(text, str) and len(text) <= _MAX_VERSION and text.isprintable() else ""


def _parse_time(text: object) -> int:
    """Milliseconds since 1970 of an RFC 3339 time; neard writes up to nine digits of a second's fraction."""
    if not isinstance(text, str):
        raise TypeError(f"time {text!r}")
    short = _FRACTION.sub(lambda match: match.group()[:7].ljust(7, "0"), text).replace("Z", "+00:00")
    moment = datetime.fromisoformat(short)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return int(moment.timestamp() * 1000)
