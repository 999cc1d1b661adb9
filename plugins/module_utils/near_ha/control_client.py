"""Client of the supervisor's control socket: HTTP with JSON bodies over a unix socket."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any

from .errors import ControlError

_MAX_BYTES = 1024 * 1024


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def call(path: Path, method: str, route: str, body: object = None, timeout: float = 5.0) -> dict[str, Any]:
    """Send one request and return the JSON object of its answer.

    ``timeout`` in seconds bounds each step. Raises ControlError when nobody listens, when the answer
    is not a JSON object, or with the supervisor's own words when it refuses.
    """
    connection = _UnixConnection(path, timeout)
    try:
        payload = None if body is None else json.dumps(body)
        connection.request(method, route, payload, {"Content-Type": "application/json"})
        # Closed by itself too: an answer that was not read to its end would keep the socket open.
        with connection.getresponse() as response:
            raw = response.read(_MAX_BYTES)
    except FileNotFoundError:
        raise ControlError(
            f"no control socket at {path}", "Is the supervisor running, and is this its --run-dir?"
        ) from None
    except PermissionError:
        raise ControlError(f"no access to the control socket {path}", "Become root or join its group") from None
    except (OSError, http.client.HTTPException) as error:
        raise ControlError(
            f"the supervisor behind {path} does not answer ({error})", "Is it running? Look at its log"
        ) from None
    finally:
        connection.close()
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise ControlError(f"{method} {route} on {path}: the answer is not a JSON object")
    if response.status >= http.client.BAD_REQUEST:
        raise ControlError(str(answer.get("error", f"HTTP {response.status}")), str(answer.get("hint", "")))
    return answer
