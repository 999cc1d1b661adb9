"""To a cluster through the supervisor of this host, which asks Consul by its own rights."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import (
    BadConfig,
    ConsulRefused,
    ConsulUnknown,
    ControlError,
    ControlRefused,
    ControlSilent,
    NearError,
    Refused,
)
from ..operator.cluster_options import RUN_DIRECTORY, Access, checked_account
from ..records import wire
from . import control_client
from .base import Asked

if TYPE_CHECKING:
    from ..operator.request import OperatorRequest, Verb

_STATUS_S = 5.0
# The supervisor asks Consul before it answers.
_ASK_S = 10.0
_SOCKET = "control.sock"
_REFUSALS: dict[int, type[NearError]] = {HTTPStatus.BAD_REQUEST: BadConfig, HTTPStatus.FORBIDDEN: ConsulRefused}


class SocketWay:
    """``status`` is what the supervisor said of itself when it was asked first."""

    def __init__(self, access: Access) -> None:
        self._path = _control_socket(access)
        self.status = control_client.call(self._path, "GET", "/status", timeout=_STATUS_S)
        if access.account_id not in ("", self.account_id):
            text = f"the supervisor behind {self._path} is that of account {self.account_id}, not {access.account_id}"
            raise BadConfig(text, "Name the right one of the two, or only one of them")

    @property
    def account_id(self) -> str:
        """The supervisor's account."""
        return str(self.status.get("account_id", ""))

    def meant(self, verb: Verb) -> str:
        """The supervisor's own member."""
        return str(self.status.get("member_id", "")) if verb.value in ("promote", "demote") else ""

    def notify(self, event: str, text: str) -> int:
        """Have the supervisor tell the people it tells; the number of the notification."""
        answer = self._call("POST", "/notify", {"event": event, "text": text})
        return int(answer.get("number", 0))

    def look(self) -> dict[str, Any]:
        """The cluster as this supervisor reads it now."""
        return self._call("GET", "/cluster", None)

    def ask(self, wanted: OperatorRequest, *, check: bool) -> Asked:
        """The supervisor decides and writes."""
        body = {
            "member": wanted.member,
            "by": wanted.by,
            "reason": wanted.reason,
            "timeout_ms": wanted.timeout_ms,
            "force": wanted.force,
            # A supervisor from before there was this field refuses what it does not know.
            **({"now": True} if wanted.now else {}),
            **({"ignore_doppelganger": True} if wanted.ignore_doppelganger else {}),
            "check": check,
        }
        answer = self._call("POST", f"/{wanted.verb.value}", body)
        changed, text, request = (answer.get(name) for name in ("changed", "text", "request"))
        if not isinstance(changed, bool) or not isinstance(text, str) or not isinstance(request, (str, type(None))):
            what = f"the supervisor behind {self._path} answers {wire.shown(answer)}"
            raise ControlError(what, "It is of another version, or no supervisor")
        return Asked(changed, text, "" if check else request or "")

    def _call(self, method: str, route: str, body: object) -> dict[str, Any]:
        try:
            return control_client.call(self._path, method, route, body, _ASK_S)
        except ControlRefused as error:
            if error.status == HTTPStatus.NOT_FOUND:
                text = f"the supervisor behind {self._path} is too old for {method} {route}"
                raise ControlError(text, "Roll out this version first") from None
            if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise ConsulUnknown(error.message, error.hint) from None
            raise _REFUSALS.get(error.status, Refused)(error.message, error.hint) from None
        except ControlSilent as error:
            if method == "GET":
                raise
            text = f"{error.message}; whether it has the request is not known"
            raise ControlSilent(text, "Look before you ask again: it may still be carried out") from None


def _control_socket(access: Access) -> Path:
    if access.run_dir:
        return Path(access.run_dir).absolute() / _SOCKET
    if access.account_id:
        path = RUN_DIRECTORY / checked_account(access.account_id) / _SOCKET
        if not path.exists():
            here = ", ".join(_accounts_here()) or "none"
            text = f"no supervisor of account {access.account_id} runs on this host: there is no {path}"
            raise ControlError(text, f"Accounts that have one here: {here}; or name its run directory, or a Consul URL")
        return path
    accounts = _accounts_here()
    if len(accounts) == 1:
        return RUN_DIRECTORY / accounts[0] / _SOCKET
    if not accounts:
        text = f"no supervisor runs on this host: there is no control socket below {RUN_DIRECTORY}"
        raise ControlError(text, "Name its run directory, or the URL of a Consul agent")
    raise BadConfig(
        f"no account_id is given, and {len(accounts)} run on this host", f"Name one of: {', '.join(accounts)}"
    )


def _accounts_here() -> list[str]:
    try:
        return sorted(path.parent.name for path in RUN_DIRECTORY.glob(f"*/{_SOCKET}"))
    except PermissionError:
        return []
