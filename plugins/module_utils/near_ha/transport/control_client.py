"""Client of the supervisor's control socket: HTTP with JSON bodies over a unix socket."""

from __future__ import annotations

import json
from http import HTTPStatus
from pathlib import Path
from typing import Any

from ..errors import ControlError, ControlRefused, ControlSilent
from .exchange import BadAnswer, HttpRequest, NoAnswer, UnixAddress, exchange

_MAX_BYTES = 1024 * 1024


def call(path: Path, method: str, route: str, body: object = None, timeout: float = 5.0) -> dict[str, Any]:
    """Send one request and return the JSON object of its answer.

    ``timeout`` in seconds bounds the whole of it. Raises ControlError when nobody listens, or when the answer
    is not a JSON object; ControlRefused with the supervisor's own words when it refuses.
    """
    payload = None if body is None else json.dumps(body).encode()
    request = HttpRequest(method, route, payload, {"Content-Type": "application/json"})
    try:
        answer = exchange(UnixAddress(path), request, timeout, _MAX_BYTES)
    except FileNotFoundError:
        raise ControlError(
            f"no control socket at {path}", "Is the supervisor running, and is this its --run-dir?"
        ) from None
    except PermissionError:
        raise ControlError(f"no access to the control socket {path}", "Become root or join its group") from None
    except TimeoutError:
        raise ControlSilent(
            f"the supervisor behind {path} does not answer (nothing in {timeout:g} s)",
            "It may hang, or be stopped: look at its log, and at its process",
        ) from None
    except (OSError, NoAnswer) as error:
        raise ControlSilent(
            f"the supervisor behind {path} does not answer ({error})", "Is it running? Look at its log"
        ) from None
    except BadAnswer as error:
        raise ControlError(f"{method} {route} on {path}: the answer is not a JSON object ({error})") from None
    document = _object(answer.body)
    if document is None:
        raise ControlError(f"{method} {route} on {path}: the answer is not a JSON object")
    if answer.status >= HTTPStatus.BAD_REQUEST:
        words = str(document.get("error", f"HTTP {answer.status}")), str(document.get("hint", ""))
        raise ControlRefused(*words, answer.status)
    return document


def _object(raw: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
