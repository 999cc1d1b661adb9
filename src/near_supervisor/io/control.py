"""The control socket: HTTP with JSON bodies on ``<run dir>/control.sock``, for people and modules on this host."""

from __future__ import annotations

import contextlib
import grp
import json
import os
import pwd
import socket
import socketserver
import struct
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from near_ha.errors import BadConfig, ConsulRefused, ConsulUnknown, NearError, Refused

from .hang_ups import CountsHangUps, HangUps


class Then(NamedTuple):
    """An answer, and what is done once it has been given: what ends this process would cut it off."""

    document: dict[str, Any]
    act: Callable[[], object]


class Asked(NamedTuple):
    """What came with a request: the object of its body ({} = no body), and who sent it, as the kernel knows."""

    body: dict[str, Any]
    peer: str


# May raise NearError: that is the answer, too.
Route = Callable[[Asked], "dict[str, Any] | Then"]

SOCKET_GROUP = "near"
_REQUEST_TIMEOUT_S = 5.0
# How often the server looks whether it was told to end, which it never is.
SHUTDOWN_POLL_S = 2.0
_MAX_BODY = 1024 * 1024
_MOST_DIGITS = 9
_STATUSES: dict[type[NearError], HTTPStatus] = {
    BadConfig: HTTPStatus.BAD_REQUEST,
    ConsulRefused: HTTPStatus.FORBIDDEN,
    Refused: HTTPStatus.CONFLICT,
    ConsulUnknown: HTTPStatus.SERVICE_UNAVAILABLE,
}


class ControlServer(CountsHangUps, socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Serves ``routes``, keyed by method and path; mode 0660, group ``near`` where that group exists."""

    daemon_threads = True

    def serve(self) -> None:
        """Answer requests until the process ends."""
        self.serve_forever(SHUTDOWN_POLL_S)

    def __init__(self, path: Path, routes: dict[tuple[str, str], Route]) -> None:
        class Handler(_Handler):
            """Bound to this server's routes."""

        Handler.routes = routes
        self.hang_ups = HangUps("the control socket")
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


class ControlSocket:
    """The control socket of one supervisor: served, and made again where its file was removed."""

    def __init__(self, path: Path, routes: dict[tuple[str, str], Route]) -> None:
        self._path, self._routes = path, routes
        self._server = self._open()

    def _open(self) -> ControlServer:
        server = ControlServer(self._path, self._routes)
        self._inode = self._path.stat().st_ino
        return server

    def serve(self) -> None:
        """Answer requests from now on, in a thread of its own."""
        threading.Thread(target=self._server.serve, name="control", daemon=True).start()

    def is_there(self) -> bool:
        """Does whoever connects to its path reach it?"""
        try:
            return self._path.stat().st_ino == self._inode
        except OSError:
            return False

    def open_again(self) -> None:
        """Where its file was; BadConfig when that cannot be."""
        old, self._server = self._server, self._open()
        self.serve()
        old.shutdown()
        old.server_close()


class _Handler(BaseHTTPRequestHandler):
    routes: ClassVar[dict[tuple[str, str], Route]] = {}
    timeout = _REQUEST_TIMEOUT_S

    def _serve(self) -> None:
        # Read even where no route wants it: a client that is still sending would not hear the answer.
        raw = self._body()
        path = self.path.partition("?")[0]
        route = self.routes.get((self.command, path))
        if route is None:
            known = ", ".join(f"{method} {name}" for method, name in self.routes)
            self._refuse(HTTPStatus.NOT_FOUND, f"there is no {self.command} {path}", f"There are: {known}")
            return
        try:
            if raw is None:
                # Carried out without its body, a rehearsal would be the real thing.
                raise BadConfig("the request's body did not come whole", "Send Content-Length, and as many bytes")
            answer = route(Asked(_object(raw), _peer(self.connection)))
        except NearError as error:
            status = _STATUSES.get(type(error), HTTPStatus.INTERNAL_SERVER_ERROR)
            self._refuse(status, error.message, error.hint)
            return
        document, act = answer if isinstance(answer, Then) else (answer, None)
        try:
            self._reply(HTTPStatus.OK, document)
        finally:
            if act is not None:
                act()

    def _body(self) -> bytes | None:
        """As many bytes as were announced; None when they did not come, or nobody can tell how many there are."""
        said = self.headers.get("Content-Length", "0")
        if self.headers.get("Transfer-Encoding"):
            return None
        length = int(said) if said.isascii() and said.isdecimal() and len(said) <= _MOST_DIGITS else _MAX_BODY + 1
        raw = self.rfile.read(min(length, _MAX_BODY))
        return raw if len(raw) == length else None

    do_GET = _serve  # noqa: N815 - the name is the protocol's
    do_POST = _serve  # noqa: N815

    def _refuse(self, status: HTTPStatus, error: str, hint: str) -> None:
        self._reply(status, {"error": error, "hint": hint})

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


def _object(raw: bytes) -> dict[str, Any]:
    """The object of a body; BadConfig when it is something else."""
    try:
        document = json.loads(raw) if raw.strip() else {}
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise BadConfig("the request's body is not a JSON object", 'It should look like {"reason": "an upgrade"}')
    return document


def _peer(connection: socket.socket) -> str:
    """User and process at the other end; a process id is enough to find it in an audit log."""
    pid, uid, _gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = f"uid {uid}"
    return f"{user} (pid {pid})"
