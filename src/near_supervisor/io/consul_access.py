"""By what right, and over what wire, Consul is asked: the token, and the certificates of an ``https`` agent.

Everything is read once before anything starts, so that what cannot work is said then. A token is kept here and
nowhere else: it is in no exception, no log, no ``repr``.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from near_ha.errors import BadConfig
from near_ha.transport import consul_url

from .secret_file import private, readable

# flag, variable, default ("" = none), help
ROWS: tuple[tuple[str, str, str, str], ...] = (
    ("--consul-token-file", "NEAR_SUPERVISOR_CONSUL_TOKEN_FILE", "", "file with the Consul ACL token"),
    ("--consul-ca-file", "NEAR_SUPERVISOR_CONSUL_CA_FILE", "", "authority that signed the https agents' certificates"),
    ("--consul-cert-file", "NEAR_SUPERVISOR_CONSUL_CERT_FILE", "", "certificate to show to https agents"),
    ("--consul-key-file", "NEAR_SUPERVISOR_CONSUL_KEY_FILE", "", "key of that certificate"),
)
TOKEN_FLAG = ROWS[0][0]
_MAX_TOKEN = 4096


class Token:
    """What Consul knows us by. A request with it is ``sign``ed; a refusal makes it be read again."""

    def __init__(self, value: str, path: Path | None = None) -> None:
        self._value, self._path = value, path

    def sign(self, request: Any) -> Any:
        """Put it on an HTTP request."""
        if self._value:
            request.headers["X-Consul-Token"] = self._value
        return request

    def heard(self, response: Any, *_args: object, **_kwargs: object) -> None:
        """An operator may have put another one into the file: when this one is denied, the next request tries that."""
        denied = response.status_code == HTTPStatus.FORBIDDEN or (
            response.status_code == HTTPStatus.CONFLICT and b"permission denied" in response.content.lower()
        )
        if denied and self._path is not None:
            try:
                self._value = _read_token(self._path)
            except BadConfig:
                return


@dataclass(frozen=True)
class ConsulAccess:
    """Checked paths; no secret itself."""

    token_file: Path | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    def token(self, from_environment: str) -> Token:
        """The token of the file, else that of ``CONSUL_HTTP_TOKEN``; BadConfig when it is none."""
        if self.token_file is not None:
            return Token(_read_token(self.token_file), self.token_file)
        return Token(_checked_token(from_environment, "CONSUL_HTTP_TOKEN") if from_environment else "")

    @property
    def client_certificate(self) -> tuple[str, str] | None:
        """Certificate and key, as the HTTP library wants them."""
        return (str(self.cert_file), str(self.key_file)) if self.cert_file and self.key_file else None


ANYBODY = ConsulAccess()


def check(given: Any, urls: str) -> ConsulAccess:
    """The access that these options give; BadConfig names the first that cannot work."""
    paths = {flag: _path(getattr(given, flag[2:].replace("-", "_"))) for flag, *_rest in ROWS}
    token, ca, cert, key = paths.values()
    if token is not None:
        _read_token(token)
    tls = [flag for flag, path in list(paths.items())[1:] if path is not None]
    if tls and "https://" not in urls:
        raise BadConfig(
            f"{tls[0]} is given, but --consul-url {consul_url.shown(urls)} is not https",
            "Ask an https:// agent, or drop it",
        )
    if (cert is None) != (key is None):
        lacking = "--consul-key-file" if key is None else "--consul-cert-file"
        raise BadConfig(f"{tls[-1]} is given without {lacking}", "A certificate and its key go together: name both")
    if ca is not None:
        _try_tls("--consul-ca-file", ca, "certificates in PEM form", lambda tls: tls.load_verify_locations(ca))
    if cert is not None and key is not None:
        readable("--consul-cert-file", cert)
        private("--consul-key-file", key, "key")
        # An encrypted key would ask for its password on the terminal.
        both = f"the certificate of --consul-key-file {key}, both in PEM form and not encrypted"
        _try_tls("--consul-cert-file", cert, both, lambda tls: tls.load_cert_chain(cert, key, lambda: ""))
    return ConsulAccess(token, ca, cert, key)


def _path(text: str | None) -> Path | None:
    return Path(text).absolute() if text else None


def _read_token(path: Path) -> str:
    return _checked_token(private(TOKEN_FLAG, path, "token").decode("latin-1"), f"{TOKEN_FLAG} {path}")


def _checked_token(text: str, where: str) -> str:
    """A word that fits into a header. The HTTP library would quote one that does not in its error."""
    token = text.strip()
    if not token:
        raise BadConfig(f"{where} is empty", "Put the SecretID of a Consul token there, and nothing else")
    if not (token.isascii() and token.isprintable()) or " " in token or len(token) > _MAX_TOKEN:
        raise BadConfig(
            f"{where} does not hold a token", "It should hold one word on one line: the SecretID of a Consul token"
        )
    return token


def _try_tls(flag: str, path: Path, what: str, load: Callable[[ssl.SSLContext], object]) -> None:
    readable(flag, path)
    try:
        load(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    except (ssl.SSLError, ValueError, OSError) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        raise BadConfig(f"{flag} {path} does not hold {what} ({reason})", "Copy the right file there") from None
