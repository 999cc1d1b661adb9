"""The control socket: HTTP with JSON bodies on ``<run dir>/control.sock``, for people and modules on this host."""

from __future__ import annotations

import contextlib
import grp
import json
import os
import socketserver
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from near_ha.errors import BadConfig


class Then(NamedTuple):
    """An answer, and what is done once it has been given: what ends this process would cut it off."""

    document: dict[str, Any]
    act: Callable[[], object]


Route = Callable[[], "dict[str, Any] | Then"]

SOCKET_GROUP = "near"
_REQUEST_TIMEOUT_S = 5.0
# How often the server looks whether it was told to end, which it never is.
SHUTDOWN_POLL_S = 2.0
_MAX_BODY = 1024 * 1024


class ControlServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Serves ``routes``, keyed by method and path; mode 0660, group ``near`` where that group exists."""

    daemon_threads = True

    def serve(self) -> None:
        """Answer requests until the process ends."""
        self.serve_forever(SHUTDOWN_POLL_S)

    def __init__(self, path: Path, routes: dict[tuple[str, str], Route]) -> None:
        class Handler(_Handler):
            """Bound to this server's routes."""

        Handler.routes = routes
        mask = os.umask(0o177)
        try:
            path.unlink(missing_ok=True)
            super().__init__(str(path), Handler)
        except OSError as error:
            raise BadConfig(
                f"control socket {path} cannot be made: {error.strerror}", "Choose another --run-dir"
            ) from None
        finally:
            os.umask(mask)
        with contextlib.suppress(KeyError, PermissionError):
            os.chown(path, -1, grp.getgrnam(SOCKET_GROUP).gr_gid)
        path.chmod(0o660)


class _Handler(BaseHTTPRequestHandler):
    routes: ClassVar[dict[tuple[str, str], Route]] = {}
    timeout = _REQUEST_TIMEOUT_S

    def _serve(self) -> None:
        # Read even where no route wants it: a client that is still sending would not hear the answer.
        length = self.headers.get("Content-Length", "0")
        self.rfile.read(min(int(length), _MAX_BODY) if length.isdecimal() else 0)
        path = self.path.partition("?")[0]
        route = self.routes.get((self.command, path))
        if route is not None:
            answer = route()
            document, act = answer if isinstance(answer, Then) else (answer, None)
            try:
                self._reply(HTTPStatus.OK, document)
            finally:
                if act is not None:
                    act()
            return
        known = ", ".join(f"{method} {name}" for method, name in self.routes)
        self._reply(
            HTTPStatus.NOT_FOUND, {"error": f"there is no {self.command} {path}", "hint": f"There are: {known}"}
        )

    do_GET = _serve  # noqa: N815 - the name is the protocol's
    do_POST = _serve  # noqa: N815

    def _reply(self, status: HTTPStatus, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        """A unix socket's peer has no address to print."""
        return "local"

    def log_message(self, format: str, *args: object) -> None:
        """Requests that change something are logged by what they cause."""
