"""The HTTP routes of a node."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from . import health, jsonrpc, metrics, view
from .http import Request, Response
from .metrics import Periodic
from .node import RunningNode


class Routes:
    """Answers requests from the node's state; ``metrics_only`` is the extra Prometheus listener."""

    def __init__(self, node: RunningNode, periodic: Periodic) -> None:
        self._node = node
        self._periodic = periodic
        self._gets: dict[str, Callable[[], Response]] = {
            "/status": lambda: _json(view.status(node)),
            "/health": self._health,
            "/network_info": lambda: _json(view.network_info(node)),
            "/metrics": self._metrics,
        }
        if node.config.debug_rpc:
            self._gets |= {
                "/debug/api/status": lambda: _json(view.status(node, detailed=True)),
                "/debug/api/tracked_shards": lambda: _json({"shards_tracked_this_epoch": self._shards()}),
                "/debug/api/catchup_status": lambda: _json({"status_response": {"CatchupStatus": []}}),
                "/debug/client_config": lambda: jsonrpc.answer(node, b'{"method":"client_config","id":0}'),
            }

    def handle(self, request: Request) -> Response:
        """The answer to one request on the RPC address."""
        self._node.on_trigger()
        if request.method == "POST" and request.path == "/":
            return jsonrpc.answer(self._node, request.body)
        route = self._gets.get(request.path)
        if route is None:
            return Response(HTTPStatus.NOT_FOUND)
        if request.method not in ("GET", "HEAD"):
            return Response(HTTPStatus.METHOD_NOT_ALLOWED)
        return route()

    def metrics_only(self, request: Request) -> Response:
        """The answer to one request on ``rpc.prometheus_addr``."""
        return self._metrics() if request.path == "/metrics" else Response(HTTPStatus.NOT_FOUND)

    def _health(self) -> Response:
        return Response(HTTPStatus.SERVICE_UNAVAILABLE) if health.fault(self._node) else _json(None)

    def _metrics(self) -> Response:
        text = metrics.render(self._node, self._periodic)
        return Response(HTTPStatus.OK, text.encode(), "text/plain; version=0.0.4")

    def _shards(self) -> list[bool]:
        return [self._node.validator is not None or self._node.config.tracks_all_shards]


def _json(value: Any) -> Response:
    return Response(HTTPStatus.OK, json.dumps(value).encode())
