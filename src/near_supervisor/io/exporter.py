"""``/metrics``, ``/health`` and ``/neard-pid`` on the exporter address.

The three ``kuutamod_…`` metrics are written as kuutamod wrote them, to the letter: people grep for
``kuutamod_state{type="Validating"} 1``, and prometheus-client would print ``1.0`` and add ``_total``.
"""

from __future__ import annotations

import re
import socket
import socketserver
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from near_ha.errors import BadConfig
from near_ha.records.states import State
from near_supervisor.core.conditions.readiness import NAMES
from near_supervisor.core.conditions.signing import Signs
from near_supervisor.core.facts.neard import Guard
from near_supervisor.core.facts.signing_check import Finding
from near_supervisor.snapshot import Snapshot

from . import clock
from .hang_ups import CountsHangUps, HangUps

Look = Callable[[], Snapshot]
# How many notifications each receiver was sent, and so on.
Counts = Callable[[], Mapping[str, Mapping[str, int]]]

_WHOLE = re.compile(r"^([^#].* -?\d+)\.0$", re.MULTILINE)
_REQUEST_TIMEOUT_S = 5.0
# How often the server looks whether it was told to end, which it never is.
SHUTDOWN_POLL_S = 2.0
_STUCK_MS = 5_000


def kuutamod_metrics(snapshot: Snapshot) -> str:
    """The metrics that kuutamod had, in its order and wording."""
    lines = []
    if snapshot.node.starts.ends:
        lines += [
            "# HELP kuutamod_neard_restarts How often neard has been restarted",
            "# TYPE kuutamod_neard_restarts counter",
            f"kuutamod_neard_restarts {snapshot.node.starts.ends}",
        ]
    lines += [
        "# HELP kuutamod_state In what state our supervisor statemachine is",
        "# TYPE kuutamod_state gauge",
    ]
    for name in sorted(state.value for state in State):
        lines.append(f'kuutamod_state{{type="{name}"}} {int(name == snapshot.node.state.value)}')
    lines += [
        "# HELP kuutamod_uptime Time in milliseconds how long daemon is running",
        "# TYPE kuutamod_uptime gauge",
        f"kuutamod_uptime {snapshot.uptime_ms}",
    ]
    return "\n".join(lines) + "\n"


class _Metrics(Collector):
    """What is new in this project, read off a snapshot at each scrape."""

    def __init__(self, look: Look, counts: Counts) -> None:
        self._look, self._counts = look, counts

    def collect(self) -> Iterator[Metric]:
        status = self._look().status()
        info = GaugeMetricFamily(
            "near_supervisor_info", "Version and names of this node", labels=["version", "node_id", "account_id"]
        )
        info.add_metric([status["version"], status["node_id"], status["account_id"]], 1)
        yield info
        left = status["lease_left_ms"]
        gauges = {
            "near_supervisor_ready": ("Could this node take over now", status["ready"]),
            "near_supervisor_neard_armed": ("Does a neard that may sign exist", status["neard"]["armed"]),
            "near_supervisor_neard_synced": ("Is neard in sync by our rule", status["sync"]["synced"]),
            "near_supervisor_neard_height": ("Height of neard's head", status["sync"]["height"]),
            "near_supervisor_lease_seconds": ("The configured lease", status["lease_ms"] / 1000),
            "near_supervisor_lease_left_seconds": ("Until neard is killed; 0 without a lease", (left or 0) / 1000),
            "near_supervisor_lease_term": ("Term of the lease last held or seen", status["term"]),
            "near_supervisor_priority": ("Who takes a free lease first; 0: not by itself", status["priority"]),
            "near_supervisor_holds_back_seconds": (
                "How long it lets others go first, after leaderships that ended early",
                status["holds_back_ms"] / 1000,
            ),
            "near_supervisor_paused": ("Has an operator paused the failover", status["paused"] is True),
            "near_supervisor_switchover_open": ("Is a switchover under way", status["switchover"] is not None),
            "near_supervisor_consul_answers": ("Did Consul answer last time", status["consul"]["answers"]),
            "near_supervisor_consul_silent_seconds": (
                "For how long Consul has not answered; 0 while it does",
                status["consul"]["silent_ms"] / 1000,
            ),
            "near_supervisor_guard_attached": ("Is the guard attached", self._look().node.guard is Guard.READY),
        }
        if status["consul"]["heartbeat_ms"] is not None:
            took_s = status["consul"]["heartbeat_ms"] / 1000
            gauges["near_supervisor_heartbeat_seconds"] = ("How long the last answered heartbeat took", took_s)
        if status["chunks_left"] is not None:
            text = "So many more chunks missed, and a chain with early kickout takes this validator's away"
            gauges["near_supervisor_chunks_left"] = (text, status["chunks_left"])
        for name, (text, value) in gauges.items():
            yield GaugeMetricFamily(name, text, value=float(value))
        unready = GaugeMetricFamily(
            "near_supervisor_unready", "Does this speak against a takeover by this node", labels=["reason"]
        )
        against = {reason["name"] for reason in status["readiness"]}
        for reason in NAMES:
            unready.add_metric([reason], float(reason in against))
        yield unready
        signing = GaugeMetricFamily(
            "near_supervisor_signing", "Do the blocks of others have this validator's approvals", labels=["answer"]
        )
        told = (status["signing"] or {}).get("answer")
        for answer in Signs:
            signing.add_metric([answer.value], float(answer.value == told))
        yield signing
        missing = GaugeMetricFamily(
            "near_supervisor_signing_missing", "Does the chain take none of what this validator owes", labels=["duty"]
        )
        for kind, found in (status["proof"] or {}).items():
            missing.add_metric([kind], float(found["finding"] == Finding.MISSING.value))
        yield missing
        foreign = GaugeMetricFamily(
            "near_supervisor_foreign_signatures", "Does the chain have blocks or chunks that another neard has made"
        )
        if status["proof"] is not None:
            foreign.add_metric([], float(status["foreign"]))
        yield foreign
        stops = CounterMetricFamily("near_supervisor_neard_stops", "How often a neard of this node has ended")
        stops.add_metric([], status["neard"]["restarts"])
        yield stops
        told = CounterMetricFamily(
            "near_supervisor_notifications", "What became of notifications", labels=["receiver", "result"]
        )
        for receiver, results in self._counts().items():
            for result, count in results.items():
                told.add_metric([receiver, result], count)
        yield told


class _Server(CountsHangUps, ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.hang_ups = HangUps("the metrics")
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Without HTTPServer's look-up of this host's name, which waits for a name server that is down."""
        socketserver.TCPServer.server_bind(self)


class Exporter:
    """The HTTP server; BadConfig when its address cannot be used."""

    def __init__(self, address: str, look: Look, counts: Counts = dict) -> None:
        host, _colon, port = address.rpartition(":")
        if not host or not port.isdecimal() or int(port) >= 2**16:
            raise BadConfig(f"--exporter-address {address!r}", "It should look like 127.0.0.1:2233")

        class Handler(_Handler):
            """Bound to this exporter's view."""

        Handler.routes = {
            "/metrics": lambda: (HTTPStatus.OK, kuutamod_metrics(look()) + exposition(look, counts)),
            "/health": lambda: _health(look()),
            "/neard-pid": lambda: (HTTPStatus.OK, str(look().neard_pid or "")),
        }
        try:
            self._server = _Server((host.strip("[]"), int(port)), Handler)
        except OSError as error:
            raise BadConfig(
                f"--exporter-address {address} cannot be used: {error.strerror}", "Is another supervisor running there?"
            ) from None

    @property
    def hang_ups(self) -> HangUps:
        """The clients that went before they had their answer."""
        return self._server.hang_ups

    def serve(self) -> None:
        """Answers requests until the process ends."""
        self._server.serve_forever(SHUTDOWN_POLL_S)


def exposition(look: Look, counts: Counts = dict) -> str:
    """The metrics that kuutamod did not have, whole numbers printed as ``1`` like its own."""
    registry = CollectorRegistry()
    registry.register(_Metrics(look, counts))
    return _WHOLE.sub(r"\1", generate_latest(registry).decode())


def _health(snapshot: Snapshot) -> tuple[HTTPStatus, str]:
    """200 while the daemon's loop turns, whatever its role; 503 once it has stood still."""
    silent_ms = clock.boot_ms() - snapshot.now
    if silent_ms < _STUCK_MS:
        return HTTPStatus.OK, "OK\n"
    return HTTPStatus.SERVICE_UNAVAILABLE, f"the supervisor's loop has not turned for {silent_ms} ms\n"


class _Handler(BaseHTTPRequestHandler):
    routes: ClassVar[dict[str, Callable[[], tuple[HTTPStatus, str]]]] = {}
    timeout = _REQUEST_TIMEOUT_S

    def do_GET(self) -> None:
        route = self.routes.get(self.path.partition("?")[0])
        status, text = route() if route else (HTTPStatus.NOT_FOUND, f"try one of {', '.join(self.routes)}\n")
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - the name is the protocol's

    def log_message(self, format: str, *args: object) -> None:
        """Scrapes are not logged."""
