"""Consul's store over its HTTP interface, for whoever has only the standard library: read, and check-and-set.

Three answers: what is returned is *yes* (or a condition that did not hold), ConsulRefused is *no*, ConsulUnknown is
*don't know*. The token is in no exception, no message, no ``repr``.
"""

from __future__ import annotations

import base64
import binascii
import json
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from ..errors import BadConfig, ConsulRefused, ConsulUnknown, NearError
from ..records import cluster_entries, consul_keys
from ..records.wire import Entry, count
from . import consul_url
from .exchange import BadAnswer, HttpRequest, HttpResponse, NoAnswer, TcpAddress, exchange

_MAX_BYTES = 4 * 1024 * 1024
_LONGEST_SHOWN = 100
_INDEX = "x-consul-index"


@dataclass(frozen=True)
class Agents:
    """Agents of one Consul, asked in turn until one answers, and the token that each is shown ("" = none)."""

    addresses: tuple[TcpAddress, ...]
    token: str = field(default="", repr=False)

    @property
    def names(self) -> str:
        """For people."""
        return ", ".join(_name(address) for address in self.addresses)


def addresses(urls: Iterable[str], tls: ssl.SSLContext | None) -> tuple[TcpAddress, ...]:
    """The addresses that ``urls`` name; ``tls`` is for those with https. BadConfig quotes one that is none."""
    found = []
    for text in urls:
        url = consul_url.parse(text)
        if url is None:
            hint = f"It should look like {consul_url.EXAMPLE}, with nothing after the port"
            raise BadConfig(f"the Consul URL {consul_url.shown(text)!r} is none", hint)
        found.append(TcpAddress(url.host, url.port, tls if url.scheme == "https" else None))
    if not found:
        raise BadConfig("no Consul agent is named", f"It should look like {consul_url.EXAMPLE}")
    return tuple(found)


class ConsulHttp:
    """One way to Consul; the agent that answered last is asked first."""

    def __init__(self, agents: Agents, timeout_s: float) -> None:
        """``timeout_s`` bounds each question to each agent."""
        self.agents, self._timeout_s = agents, timeout_s
        self._first = 0

    def entries(self, account_id: str) -> tuple[Entry, ...]:
        """The lease and all below the account's prefix, as the leader of Consul has them."""
        return cluster_entries.read_all(
            account_id,
            below=lambda prefix: self._read(f"/v1/kv/{quote(prefix)}?recurse&consistent", prefix),
            one=lambda key: self._read(f"/v1/kv/{quote(key)}?consistent", key),
        )

    def accounts(self) -> tuple[str, ...]:
        """The accounts that have a lease in this Consul, as far as the token lets them be seen."""
        prefix = consul_keys.leader("")
        names = self._json(f"/v1/kv/{quote(prefix)}?keys&consistent", prefix)
        if not isinstance(names, list) or not all(isinstance(name, str) and name.startswith(prefix) for name in names):
            raise self._not_consul(self._current)
        return tuple(sorted(name[len(prefix) :] for name in names))

    def check_and_set(self, key: str, index: int, value: str) -> bool:
        """Store ``value`` if the key's ModifyIndex still is ``index`` (0 = there is no key): has it been stored?

        After ConsulUnknown it may have been, and may still be; and where one agent did not say, another may answer
        False to what the first has stored.
        """
        request = HttpRequest("PUT", f"/v1/kv/{quote(key)}?cas={index}", value.encode(), self._headers)
        answer = self._ask(request, f"write {key}")
        if answer.status == HTTPStatus.OK and answer.body.strip() in (b"true", b"false"):
            return answer.body.strip() == b"true"
        raise self._not_consul(self._current)

    # --- one question

    @property
    def _current(self) -> TcpAddress:
        return self.agents.addresses[self._first]

    @property
    def _headers(self) -> dict[str, str]:
        return {"X-Consul-Token": self.agents.token} if self.agents.token else {}

    def _read(self, target: str, what: str) -> list[Entry]:
        found = self._json(target, what)
        if not isinstance(found, list):
            raise self._not_consul(self._current)
        entries = [_entry(item) for item in found]
        if any(entry is None for entry in entries):
            raise self._not_consul(self._current)
        return [entry for entry in entries if entry is not None]

    def _json(self, target: str, what: str) -> Any:
        """What is there; an empty list where nothing is."""
        answer = self._ask(HttpRequest("GET", target, None, self._headers), f"read {what}")
        # Without Consul's index the answer, a 404 in particular, came from something else.
        if not answer.headers.get(_INDEX, "").isdecimal():
            raise self._not_consul(self._current)
        if answer.status == HTTPStatus.NOT_FOUND:
            return []
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError):
            raise self._not_consul(self._current) from None

    def _ask(self, request: HttpRequest, doing: str) -> HttpResponse:
        """The answer of the first agent that has one; else what the first one asked lacks."""
        count = len(self.agents.addresses)
        troubles: list[NearError] = []
        for step in range(count):
            number = (self._first + step) % count
            try:
                answer = self._ask_one(self.agents.addresses[number], request, doing)
            except ConsulUnknown as error:
                troubles.append(error)
                continue
            self._first = number
            return answer
        raise troubles[0]

    def _ask_one(self, address: TcpAddress, request: HttpRequest, doing: str) -> HttpResponse:
        name = _name(address)
        try:
            answer = exchange(address, request, self._timeout_s, _MAX_BYTES)
        except TimeoutError:
            text = f"Consul at {name} does not answer (nothing in {self._timeout_s:g} s)"
            raise ConsulUnknown(text, "Is that the right address, and does an agent run there?") from None
        except (NoAnswer, BadAnswer):
            raise self._not_consul(address) from None
        except OSError as error:
            raise _unreached(error, name) from None
        said = self._said(answer)
        if answer.status == HTTPStatus.FORBIDDEN:
            raise _forbidden(said, doing, name, bool(self.agents.token))
        if "No cluster leader" in said:
            hint = "Wait until a majority of its servers is there again; the validator goes on until its lease ends"
            raise ConsulUnknown(f"Consul at {name} has no leader", hint)
        if "HTTP request to an HTTPS server" in said:
            raise ConsulUnknown(f"Consul at {name} wants https", "Begin its URL with https://")
        if answer.status not in (HTTPStatus.OK, HTTPStatus.NOT_FOUND):
            text = f"Consul at {name} answers HTTP {answer.status}: {said or 'nothing more'}"
            raise ConsulUnknown(text, "Is it well? Look at its log")
        return answer

    def _said(self, answer: HttpResponse) -> str:
        """The first words of an answer that is none of the good ones."""
        if answer.status == HTTPStatus.OK:
            return ""
        text = " ".join(answer.body[: 4 * _LONGEST_SHOWN].decode(errors="replace").split())
        shown = "".join(sign for sign in text if sign.isprintable())
        # Whoever stands there may have said our own words back.
        return (shown.replace(self.agents.token, "…") if self.agents.token else shown)[:_LONGEST_SHOWN]

    def _not_consul(self, address: TcpAddress) -> ConsulUnknown:
        return ConsulUnknown(
            f"what answers at {_name(address)} is not Consul", "Is that the right address, and the right port?"
        )


def _name(address: TcpAddress) -> str:
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{'https' if address.tls else 'http'}://{host}:{address.port}"


def _unreached(error: OSError, name: str) -> ConsulUnknown:
    unproved = getattr(error, "verify_message", None)
    if unproved:
        text = f"Consul at {name} does not prove who it is ({unproved})"
        return ConsulUnknown(
            text, "Name the authority that signed its certificate, and the host that the certificate is for"
        )
    reason = getattr(error, "reason", None)
    if isinstance(reason, str):
        text = f"the TLS connection to Consul at {name} fails ({reason.replace('_', ' ').lower()})"
        return ConsulUnknown(text, "Is the port that of its https interface, and does it want a client certificate?")
    text = f"Consul at {name} does not answer ({error.strerror or error})"
    return ConsulUnknown(text, "Is that the right address, and does an agent run there?")


def _forbidden(said: str, doing: str, name: str, has_token: bool) -> ConsulRefused:
    if "ACL not found" in said:
        return ConsulRefused(
            f"Consul at {name} does not know the token (HTTP 403)", "Give the SecretID of a token of this Consul"
        )
    if not has_token:
        text = f"Consul at {name} does not let anybody without a token {doing} (HTTP 403)"
        return ConsulRefused(text, "Give it a token; docs/reference/configuration.md lists the rights that it needs")
    text = f"the token may not {doing} in Consul at {name} (HTTP 403)"
    return ConsulRefused(text, "Give it the rights that docs/reference/configuration.md lists")


def _entry(item: object) -> Entry | None:
    """One key as Consul writes it down; None when it is not."""
    if not isinstance(item, dict):
        return None
    key, value, session = (item.get(name) for name in ("Key", "Value", "Session"))
    index = count(item.get("ModifyIndex"))
    try:
        raw = base64.b64decode(value, validate=True) if value is not None else b""
    except (binascii.Error, TypeError, ValueError):
        return None
    if not isinstance(key, str) or not index:
        return None
    if session is not None and not isinstance(session, str):
        return None
    return Entry(key, raw, index, session or None)
