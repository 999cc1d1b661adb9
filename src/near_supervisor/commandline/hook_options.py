"""Options about what an operator has run and told: notifications, and the hook before a planned takeover."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from near_ha.errors import BadConfig

from ..io import hook_process
from ..io.webhook import URL_FILE_FLAG, URL_FLAG, Webhook

# flag, variable, default ("" = none), help
ROWS: tuple[tuple[str, str, str, str], ...] = (
    (
        "--notify-command",
        "NEAR_SUPERVISOR_NOTIFY_COMMAND",
        "",
        "program and its arguments, run without a shell for each notification, which it gets as JSON on its input",
    ),
    (URL_FLAG, "NEAR_SUPERVISOR_NOTIFY_URL", "", "http or https URL to post each notification to, as JSON"),
    (URL_FILE_FLAG, "NEAR_SUPERVISOR_NOTIFY_URL_FILE", "", "file with that URL, if it holds a secret"),
    (
        "--notify-token-file",
        "NEAR_SUPERVISOR_NOTIFY_TOKEN_FILE",
        "",
        "file with the token that the URL wants (Authorization: Bearer), or with a whole header (X-Api-Key: WORD)",
    ),
    (
        "--notify-ca-file",
        "NEAR_SUPERVISOR_NOTIFY_CA_FILE",
        "",
        "authority that signed the URL's certificate (default: those that the host trusts)",
    ),
    (
        "--notify-timeout",
        "NEAR_SUPERVISOR_NOTIFY_TIMEOUT",
        "10",
        "seconds after which the command is killed, and a post given up",
    ),
    (
        "--notify-again",
        "NEAR_SUPERVISOR_NOTIFY_AGAIN",
        "600",
        "seconds after which the same reason against a takeover, or the same veto, may be told again",
    ),
    (
        "--pre-takeover",
        "NEAR_SUPERVISOR_PRE_TAKEOVER",
        "",
        "program and its arguments, run without a shell before this node takes over as somebody asked (promote,"
        " demote), with the request as JSON on its input: exit status 0 agrees, everything else is a veto, with its"
        " last line as the reason. Never asked in a failover",
    ),
    (
        "--pre-takeover-timeout",
        "NEAR_SUPERVISOR_PRE_TAKEOVER_TIMEOUT",
        "10",
        "seconds after which --pre-takeover is killed, which is a veto",
    ),
)
MAX_TIMEOUT_MS = 60_000
_MAX_AGAIN_MS = 86_400_000

Seconds = Callable[[str, str], int]


@dataclass(frozen=True)
class Hooks:
    """Checked. A command is () where there is none; durations in milliseconds."""

    notify_command: tuple[str, ...] = ()
    webhook: Webhook | None = None
    notify_timeout_ms: int = 10_000
    notify_again_ms: int = 600_000
    pre_takeover: tuple[str, ...] = ()
    pre_takeover_timeout_ms: int = 10_000

    def problems(self) -> list[str]:
        """What would go wrong if it was needed now, in sentences for people.

        A supervisor starts all the same: a program that is gone must not cost a validator its lease.
        """
        found = []
        for flag, command in (("--notify-command", self.notify_command), ("--pre-takeover", self.pre_takeover)):
            against = hook_process.against(command) if command else ""
            if against:
                found.append(f"{flag}: {against}")
        if self.webhook is not None:
            against = self.webhook.against()
            if against:
                found.append(against)
        return found


NONE = Hooks()


def check(given: Any, seconds: Seconds) -> Hooks:
    """What these options give; BadConfig names the first that cannot work."""
    timeout_ms = _bounded("--notify-timeout", given.notify_timeout, seconds, MAX_TIMEOUT_MS)
    hook_ms = _bounded("--pre-takeover-timeout", given.pre_takeover_timeout, seconds, MAX_TIMEOUT_MS)
    return Hooks(
        notify_command=_command("--notify-command", given.notify_command),
        webhook=_webhook(given),
        notify_timeout_ms=timeout_ms,
        notify_again_ms=_bounded("--notify-again", given.notify_again, seconds, _MAX_AGAIN_MS),
        pre_takeover=_command("--pre-takeover", given.pre_takeover),
        pre_takeover_timeout_ms=hook_ms,
    )


def _bounded(flag: str, text: str, seconds: Seconds, most_ms: int) -> int:
    found = seconds(flag, text)
    if found > most_ms:
        raise BadConfig(f"{flag} {text} is above {most_ms // 1000}", f"Give at most {most_ms // 1000} seconds")
    return found


def _command(flag: str, text: str | None) -> tuple[str, ...]:
    """Split as a shell would; the first word is a program's path."""
    if not text:
        return ()
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise BadConfig(f"{flag} {text!r} cannot be split into words: {error}", "Close the quotation") from None
    if not words or not words[0].startswith("/"):
        raise BadConfig(
            f"{flag} {text!r} does not begin with a program's absolute path",
            f"Give one, such as {flag} '/usr/local/bin/tell --to me'; there is no shell",
        )
    return words


def _webhook(given: Any) -> Webhook | None:
    if not given.notify_url and not given.notify_url_file:
        for flag, value in (
            ("--notify-token-file", given.notify_token_file),
            ("--notify-ca-file", given.notify_ca_file),
        ):
            if value:
                raise BadConfig(f"{flag} is given without {URL_FLAG} or {URL_FILE_FLAG}", "Name the URL, or drop it")
        return None
    if given.notify_url and given.notify_url_file:
        raise BadConfig(f"{URL_FLAG} and {URL_FILE_FLAG} are both given", "Drop one of them")
    paths = [Path(text).absolute() if text else None for text in (
        given.notify_url_file, given.notify_token_file, given.notify_ca_file,
    )]  # fmt: skip
    return Webhook(given.notify_url or "", *paths)
