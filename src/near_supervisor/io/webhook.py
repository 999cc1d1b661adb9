"""Posts a JSON document to an operator's web address: one bounded exchange, no redirect, no proxy of the environment.

The address may hold a secret, and so may its header: both are read from files for each post, so that they can be
changed without a restart, and neither is in a log, an exception or a ``repr``.
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from near_ha.errors import BadConfig
from near_ha.transport.exchange import BadAnswer, HttpRequest, NoAnswer, TcpAddress, exchange

from .secret_file import private, readable

URL_FLAG, URL_FILE_FLAG = "--notify-url", "--notify-url-file"
TOKEN_FLAG, CA_FLAG = "--notify-token-file", "--notify-ca-file"
_MAX_ANSWER = 64 * 1024
_MAX_SECRET = 4096
_HEADER = re.compile(r"([A-Za-z][A-Za-z0-9-]{0,63}):[ ]?([!-~][ -~]*)")
_PORTS = {"http": 80, "https": 443}
# Worth another try; whatever else is refused will be refused again.
_AGAIN = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


@dataclass(frozen=True)
class Address:
    """Where to post; ``target`` may be the secret."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def shown(self) -> str:
        """For people: what comes after the port may be known to nobody."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}/..."

    def __repr__(self) -> str:
        return self.shown


@dataclass(frozen=True)
class Posted:
    """``problem`` is a clause for people ("" = it was taken); ``again``: another try may do better."""

    problem: str = ""
    again: bool = False


@dataclass(frozen=True)
class Webhook:
    """Where a post goes and by what right; paths of what is secret, and never what is in them.

    Either ``url`` is given or ``url_file``. BadConfig, when it is made, for a ``url`` that is none.
    """

    url: str = ""
    url_file: Path | None = None
    token_file: Path | None = None
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        if self.url_file is None:
            self.address()

    def __repr__(self) -> str:
        return "Webhook(...)"

    def address(self) -> Address:
        """As it is in its file now."""
        if self.url_file is None:
            return _parsed(self.url, URL_FLAG)
        return _parsed(_word(URL_FILE_FLAG, self.url_file, "URL"), f"{URL_FILE_FLAG} {self.url_file}")

    def against(self) -> str:
        """Why nothing could be posted now, a sentence for people; "" when it could, as far as its files tell."""
        try:
            address = self.address()
            self._headers()
            self._tls(address)
        except BadConfig as error:
            return str(error)
        if self.token_file is not None and address.scheme == "http":
            return f"{TOKEN_FLAG} is given, and {address.shown} is not https: others can read the token on its way"
        return ""

    def post(self, body: bytes, agent: str, timeout_ms: int) -> Posted:
        """What became of it, within ``timeout_ms``; raises nothing."""
        try:
            address, headers = self.address(), self._headers()
            tls = self._tls(address)
        except BadConfig as error:
            return Posted(str(error))
        request = HttpRequest(
            "POST", address.target, body, {"Content-Type": "application/json", "User-Agent": agent, **headers}
        )
        try:
            answer = exchange(TcpAddress(address.host, address.port, tls), request, timeout_ms / 1000, _MAX_ANSWER)
        except (TimeoutError, NoAnswer, BadAnswer, OSError) as error:
            return Posted(f"{address.shown}: {_why(error)}", again=not isinstance(error, ssl.SSLCertVerificationError))
        if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            return Posted()
        moved = ", and redirects are not followed" if answer.status < HTTPStatus.BAD_REQUEST else ""
        again = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status in _AGAIN
        return Posted(f"{address.shown} answers with status {answer.status}{moved}", again)

    def _headers(self) -> dict[str, str]:
        if self.token_file is None:
            return {}
        text = _word(TOKEN_FLAG, self.token_file, "token", spaces=True)
        header = _HEADER.fullmatch(text)
        if header:
            return {header[1]: header[2]}
        if " " in text:
            raise BadConfig(
                f"{TOKEN_FLAG} {self.token_file} holds neither a token nor a header",
                "Put one word there, which is sent as Authorization: Bearer, or one line such as X-Api-Key: WORD",
            )
        return {"Authorization": f"Bearer {text}"}

    def _tls(self, address: Address) -> ssl.SSLContext | None:
        if address.scheme != "https":
            if self.ca_file is not None:
                raise BadConfig(
                    f"{CA_FLAG} is given, but {address.shown} is not https", "Give an https URL, or drop it"
                )
            return None
        if self.ca_file is not None:
            readable(CA_FLAG, self.ca_file)
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except (ssl.SSLError, OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or type(error).__name__
            raise BadConfig(
                f"{CA_FLAG} {self.ca_file} does not hold certificates in PEM form ({reason})",
                "Put the right file there",
            ) from None


def _word(flag: str, path: Path, what: str, spaces: bool = False) -> str:
    """The one line of a secret's file."""
    text = private(flag, path, what).decode("latin-1").strip()
    plain = text.isascii() and text.isprintable() and (spaces or " " not in text)
    if not text or not plain or len(text) > _MAX_SECRET:
        raise BadConfig(f"{flag} {path} does not hold a {what}", f"It should hold one line: the {what}")
    return text


def _parsed(text: str, where: str) -> Address:
    """BadConfig does not show the address: it may be a secret where it was not meant to be one."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        host, port, parts = "", 0, urlsplit("")
    plain = text.isascii() and text.isprintable() and " " not in text
    if not plain or parts.scheme not in _PORTS or not host or not port:
        raise BadConfig(f"{where} holds no http or https URL", "It should look like https://HOST/PATH")
    if "@" in parts.netloc:
        raise BadConfig(
            f"{where} holds a name or a password before its host", f"Put what proves who asks into {TOKEN_FLAG}"
        )
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Address(parts.scheme, host, port, target)


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    return getattr(error, "strerror", None) or str(error)[:100] or type(error).__name__
