"""Two supervisors as Consul sees them, played by a thread on a real Consul, and the control socket of one of them.

They move a switchover as real ones do (asked, accepted, released, acquired, done) and no faster than a test wants.
"""

from __future__ import annotations

import base64
import contextlib
import json
import socketserver
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from near_ha.operator import cluster_report
from near_ha.operator import request as operator_request
from near_ha.records import consul_keys, history
from near_ha.records.cluster import Cluster, read
from near_ha.records.history import Change, Kind
from near_ha.records.lease_record import LeaseRecord, LeaseState
from near_ha.records.member_record import Member
from near_ha.records.switchover import Phase, Switchover
from near_ha.records.wire import Entry
from support.real_consul import RealConsul

ACCOUNT = "my.pool.near"
KEY = "ed25519:DcA2MzgpJbrUATQLLceocVckhhAqrkingax4oJ9kZ847"
LEASE_MS = 4_000
GAP_MS = 1_234
STATUS = {
    "hostname": "host-2",
    "state": "Voting",
    "reason": "",
    "lease_ms": LEASE_MS,
    "lease_left_ms": None,
    "neard": {"pid": 4712, "armed": False},
    "sync": {"synced": True, "reason": "", "height": 190_000_120},
}
_LOOK_S = 0.02


class PlayedCluster:
    """``validator-1`` validates, ``validator-2`` stands by. ``script`` says what becomes of a request:

    ``done``, ``ignored`` (nobody moves it), ``stuck`` (accepted, and no further) or ``failed``.
    """

    def __init__(self, consul: RealConsul, account: str = ACCOUNT) -> None:
        self.consul, self.account, self.script = consul, account, "done"
        self.term = 7
        self.members = {name: _member(name) for name in ("validator-1", "validator-2")}
        self.sessions = {name: self._session(name) for name in self.members}
        for name in self.members:
            self.publish(name)
        self.take("validator-1")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._play, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._over.set()
        self._thread.join(5)

    # --- what a test changes

    def publish(self, name: str, **changes: Any) -> None:
        """Write the member record of ``name``, with these fields changed."""
        self.members[name] = replace(self.members[name], **changes)
        self._put(
            consul_keys.member(self.account, name), self.members[name].to_json(), f"acquire={self.sessions[name]}"
        )

    def leave(self, name: str) -> None:
        """The session of ``name`` ends, as after a crash."""
        self.consul.destroy(self.sessions[name])

    def take(self, name: str) -> None:
        """``name`` holds the lease from now on."""
        self._put(consul_keys.leader(self.account), self._lease(name), f"acquire={self.sessions[name]}")

    def give_back(self, name: str) -> None:
        """``name`` releases the lease."""
        released = self._lease(name, LeaseState.RELEASED)
        self._put(consul_keys.leader(self.account), released, f"release={self.sessions[name]}")

    # --- what a test sees

    def cluster(self) -> Cluster:
        """As Consul has it, past all code that is tested."""
        prefix = quote(consul_keys.prefix(self.account))
        found = self.consul.ask("GET", f"/v1/kv/{prefix}?recurse&consistent") or []
        lease = self.consul.entry(quote(consul_keys.leader(self.account)))
        return read(self.account, [_entry(item) for item in [*found, *([lease] if lease else [])]])

    def store(self) -> Any:
        """Every key of Consul with its index: what a reader must not change."""
        found = self.consul.ask("GET", "/v1/kv/?recurse&consistent") or []
        return sorted((item["Key"], item["Value"], item["ModifyIndex"], item["LockIndex"]) for item in found)

    # --- the thread

    def _play(self) -> None:
        while not self._over.wait(_LOOK_S):
            with contextlib.suppress(AssertionError, OSError):
                now = self.cluster()
                if now.request is not None and now.request.open and self.script != "ignored":
                    self._move(now, now.request)

    def _move(self, now: Cluster, request: Switchover) -> None:
        source = now.leader
        if request.phase is Phase.ASKED:
            target = request.target or next(name for name in self.members if name != source)
            if source:
                self._write(request.accepted(source, now.term, target, 1), now.request_index)
                return
            request = replace(request, target=target)
        if self.script == "stuck":
            return
        if self.script == "failed":
            text = f"{request.target} did not take over, {source} validates again"
            self._write(request.ended(Phase.FAILED, source, 2, text), now.request_index)
            return
        # Step by step, and from where an answer that came too late has left it.
        if source != request.target:
            if source:
                self.give_back(source)
            self.term = now.term + 1
            self.take(request.target)
        change = Change(self.term, request.target, Kind.SWITCHOVER, 3, source, GAP_MS, request.reason, request.id)
        self._put(consul_keys.history(self.account), history.to_json(history.added(now.changes, change)))
        text = f"{request.target} validates (term {self.term})"
        self._write(request.ended(Phase.DONE, request.target, 3, text, GAP_MS), now.request_index)

    def _write(self, request: Switchover, index: int) -> None:
        self._put(consul_keys.switchover(self.account), request.to_json(), f"cas={index}")

    def _put(self, key: str, value: str, condition: str = "") -> None:
        self.consul.ask("PUT", f"/v1/kv/{quote(key)}?{condition}", json.loads(value))

    def _session(self, name: str) -> str:
        body = {"Name": name, "Behavior": "release", "Checks": [], "LockDelay": "0s"}
        return str(self.consul.ask("PUT", "/v1/session/create", body)["ID"])

    def _lease(self, name: str, state: LeaseState = LeaseState.VALIDATING) -> str:
        record = LeaseRecord(name, f"host-{name[-1]}", state, LEASE_MS, self.term, 1, 190_000_123, KEY)
        return record.to_json()


@contextlib.contextmanager
def played(consul: RealConsul, account: str = ACCOUNT) -> Iterator[PlayedCluster]:
    """A cluster for the length of a ``with`` block."""
    running = PlayedCluster(consul, account)
    try:
        yield running
    finally:
        running.close()


@pytest.fixture
def cluster(consul: RealConsul) -> Iterator[PlayedCluster]:
    """One for each test, on the Consul that the test's module has as ``consul``."""
    with played(consul) as running:
        yield running
    consul.ask("DELETE", "/v1/kv/?recurse")


@contextlib.contextmanager
def control_socket(play: PlayedCluster, run_dir: Path, member: str) -> Iterator[list[str]]:
    """The control socket of one of the two in ``run_dir``; the requests that it was sent."""
    said: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        """Answers as ``src/near_supervisor`` does."""

        def do_GET(self) -> None:
            said.append(f"GET {self.path}")
            if self.path == "/status":
                self.reply(200, {**STATUS, "account_id": play.account, "member_id": member, "node_id": member})
            else:
                self.reply(200, cluster_report.cluster_json(play.cluster()))

        def do_POST(self) -> None:
            said.append(f"POST {self.path}")
            self.reply(*decided(play, self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))

        def reply(self, status: int, document: Any) -> None:
            raw = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def address_string(self) -> str:
            return "local"

        def log_message(self, *_args: object) -> None:
            pass

    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True

    server = Server(str(run_dir / "control.sock"), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield said
    finally:
        server.shutdown()
        server.server_close()


def decided(play: PlayedCluster, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """What a supervisor answers to this request, after it has written it."""
    wanted = operator_request.OperatorRequest(
        operator_request.Verb(path[1:]),
        body["member"],
        body["by"],
        body["reason"],
        body["timeout_ms"],
        body["force"],
        body.get("now", False),
    )
    decision = operator_request.decide(play.cluster(), wanted, f"played-{time.time_ns()}", time.time_ns() // 1_000_000)
    if isinstance(decision, operator_request.Refusal):
        return 409, {"error": decision.text, "hint": decision.hint}
    if isinstance(decision, operator_request.Nothing):
        return 200, {"changed": False, "text": decision.text, "request": decision.request or None}
    if not body["check"]:
        play._put(decision.key, decision.value, f"cas={decision.index}")
    return 200, {"changed": True, "text": decision.text, "request": decision.request or None}


def _member(name: str) -> Member:
    return Member(name, f"host-{name[-1]}", f"instance-{name}", "Voting", True, "", 190_000_120, LEASE_MS, KEY)


def _entry(item: dict[str, Any]) -> Entry:
    return Entry(item["Key"], base64.b64decode(item["Value"] or ""), item["ModifyIndex"], item.get("Session"))
