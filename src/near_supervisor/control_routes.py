"""What the control socket answers to: this supervisor and its cluster, and the operator's requests.

Neither the core nor its threads wait for any of it: a question about the cluster asks Consul afresh, by this
supervisor's rights, and a request is a value in Consul that this supervisor then sees like every other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from near_ha.errors import BadConfig, NearError, Refused
from near_ha.operator.cluster_options import TOKEN_VARIABLE, Access
from near_ha.operator.request import OperatorRequest, Verb
from near_ha.records.switchover import DEFAULT_TIMEOUT_MS
from near_ha.records.wire import shown
from near_ha.transport.by_consul import ConsulWay
from near_supervisor.core.events import DetachAsked, Event

from .adapters.notifier import Notifier
from .commandline.options import Options
from .io.control import Asked, Route, Then
from .notifications import BY_HAND, Kind
from .snapshot import Snapshot

log = logging.getLogger("near_supervisor")

_MAX_TEXT = 1_000
_FLAGS = ("force", "now", "ignore_doppelganger")
_FIELDS = frozenset({"member", "by", "reason", "timeout_ms", "check", *_FLAGS})


class ControlRoutes:
    """The routes of one supervisor."""

    def __init__(
        self,
        options: Options,
        environ: Mapping[str, str],
        look: Callable[[], Snapshot],
        post: Callable[[Event], None],
        notifier: Notifier,
    ) -> None:
        self._access = _access(options, environ)
        # What cannot work is said now, and not when somebody needs it.
        self._access.agents()
        self._records = options.record_key
        self._look, self._post, self._notifier = look, post, notifier

    def table(self) -> dict[tuple[str, str], Route]:
        """Each route by its method and path."""
        requests: dict[tuple[str, str], Route] = {("POST", f"/{verb.value}"): self._asking(verb) for verb in Verb}
        return {
            ("GET", "/status"): lambda _asked: self._look().status(),
            ("GET", "/cluster"): lambda _asked: self._way().look(),
            **requests,
            ("POST", "/notify"): self._notify,
            ("POST", "/detach"): lambda _asked: Then({"detaching": True}, lambda: self._post(DetachAsked())),
        }

    def _way(self) -> ConsulWay:
        """What a request writes is signed: this supervisor answers for who may ask it."""
        return ConsulWay(self._access, self._records)

    def _asking(self, verb: Verb) -> Route:
        return lambda asked: self._carry_out(verb, asked)

    def _carry_out(self, verb: Verb, asked: Asked) -> dict[str, Any]:
        wanted, check = self._wanted(verb, asked), _flag(asked.body, "check")
        try:
            found = self._way().ask(wanted, check=check)
        except NearError as error:
            if not check:
                log.warning("%s refused: %s", _told(wanted, asked), error)
            raise
        if found.changed and not check:
            log.info("%s: %s", _told(wanted, asked), found.text)
        return {"changed": found.changed, "text": found.text, "request": found.request or None}

    def _notify(self, asked: Asked) -> dict[str, Any]:
        """Somebody tells the people who are told: that a drill is over, or nothing but that this works."""
        unknown = sorted(set(asked.body) - {"event", "text"})
        kinds = {kind.value: kind for kind in BY_HAND}
        if unknown:
            raise BadConfig(f"there is no field {shown(unknown[0])}", "There are: event, text")
        event, text = _text(asked.body, "event") or Kind.TEST.value, _text(asked.body, "text")
        if event not in kinds:
            raise BadConfig(f"event is {shown(event)}", f"It should be one of {', '.join(kinds)}")
        number = self._notifier.tell_by_hand(kinds[event], text or f"{event}, told by {asked.peer}", asked.peer)
        if not number:
            raise Refused("nobody is told anything by this supervisor", "Set --notify-command or --notify-url")
        return {"number": number}

    def _wanted(self, verb: Verb, asked: Asked) -> OperatorRequest:
        """BadConfig names the first field that cannot be."""
        body = asked.body
        unknown = sorted(set(body) - _FIELDS)
        if unknown:
            # A rehearsal that is misspelt must not be the real thing.
            raise BadConfig(f"there is no field {shown(unknown[0])}", f"There are: {', '.join(sorted(_FIELDS))}")
        member = _text(body, "member")
        if not member and verb is Verb.PROMOTE:
            member = self._look().node.settings.member_id
        timeout_ms = body.get("timeout_ms", DEFAULT_TIMEOUT_MS)
        if not isinstance(timeout_ms, int) or isinstance(timeout_ms, bool):
            raise BadConfig(f"timeout_ms is {shown(timeout_ms)}", "It should be a whole number of milliseconds")
        by = _text(body, "by") or asked.peer
        flags = {name: _flag(body, name) for name in _FLAGS}
        return OperatorRequest(verb, member, by, _text(body, "reason"), timeout_ms, **flags)


def _told(wanted: OperatorRequest, asked: Asked) -> str:
    """Who it was is the kernel's word; ``by`` is only what was said."""
    what = f"{wanted.verb.value} {wanted.member}".strip()
    by = f" for {wanted.by}" if wanted.by != asked.peer else ""
    why = f" ({wanted.reason})" if wanted.reason else ""
    return f"{what}, asked over the control socket by {asked.peer}{by}{why}"


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str) or len(value) > _MAX_TEXT or not value.isprintable():
        raise BadConfig(
            f"{name} is {shown(value)}", f"It should be one printable line of at most {_MAX_TEXT} characters"
        )
    return value


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise BadConfig(f"{name} is {shown(value)}", "It should be true or false")
    return value


def _access(options: Options, environ: Mapping[str, str]) -> Access:
    """The same agents, token and certificates as the daemon's own."""
    rights = options.consul_access
    return Access(
        account_id=options.account_id,
        consul_urls=tuple(options.consul_url.split(",")),
        token="" if rights.token_file else environ.get(TOKEN_VARIABLE, ""),
        token_file=str(rights.token_file or ""),
        ca_file=str(rights.ca_file or ""),
        cert_file=str(rights.cert_file or ""),
        key_file=str(rights.key_file or ""),
    )
