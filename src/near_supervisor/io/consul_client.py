"""Clients for exactly the Consul agents that an operator named, by python-consul2 or by py-consul, its living fork."""

from __future__ import annotations

import re
from typing import Any

import consul
import consul.std

from near_ha.errors import BadConfig
from near_ha.transport import consul_url

from .consul_access import ANYBODY, ConsulAccess

try:
    from consul.exceptions import ACLPermissionDenied as PermissionDenied
    from consul.exceptions import ClientError, NotFound
except ImportError:
    from consul.base import ACLPermissionDenied as PermissionDenied
    from consul.base import ClientError, NotFound

__all__ = ["ClientError", "NotFound", "PermissionDenied", "connect", "describe", "parse_urls"]

_SYSTEM_ERROR = re.compile(
    r"\[Errno -?\d+\] (?P<errno>[^'\")>]+)|\[SSL: \w+\] (?P<tls>[^'\"(]+)|(?:Read|Connect)(?: timed out)"
)
_HINTS = (
    ("Permission denied", "the token needs the rights in docs/reference/configuration.md, see --consul-token-file"),
    ("ACL not found", "Consul does not know the token, see --consul-token-file"),
    ("HTTP request to an HTTPS server", "the agent wants https:// in --consul-url"),
)


def parse_urls(text: str) -> list[tuple[str, str, int]]:
    """(scheme, host, port) of each URL in a comma-separated list; BadConfig names a malformed one."""
    found = []
    for named in text.split(","):
        url = consul_url.parse(named)
        if url is None:
            raise BadConfig(
                f"--consul-url has {consul_url.shown(named)!r}", f"It should look like {consul_url.EXAMPLE}"
            )
        found.append((url.scheme, url.netloc_host, url.port))
    return found


def describe(error: BaseException) -> str:
    """What went wrong with a request, in a few words: the HTTP library wraps them in many."""
    text = str(error)
    for words, hint in _HINTS:
        if words in text:
            return f"{words} ({hint})"
    known = _SYSTEM_ERROR.search(text)
    if known is not None and not known["tls"]:
        return (known["errno"] or known.group()).strip()
    if "SSLError(" in text:
        said = known["tls"].strip() if known else "the TLS connection was ended"
        return f"{said} (see --consul-ca-file, --consul-cert-file and --consul-key-file)"
    return text.splitlines()[0][:200] if text else type(error).__name__


def connect(scheme: str, host: str, port: int, timeout_ms: int, access: ConsulAccess = ANYBODY) -> Any:
    """A client of this one agent that reads consistently, whatever CONSUL_HTTP_ADDR or a proxy variable say.

    ``timeout_ms`` bounds the connection and each wait for the next bytes. BadConfig when the library refuses
    what it finds in the environment, or the token is none.
    """
    try:
        client = consul.Consul(host=host, port=port, scheme=scheme, consistency="consistent")
    except consul.ConsulException as error:
        raise BadConfig(str(error), "Unset that variable: --consul-url says which agents to ask") from None
    # python-consul2 lets CONSUL_HTTP_ADDR override the host it was given.
    verify = str(access.ca_file) if access.ca_file else client.http.verify
    http = consul.std.HTTPClient(host, port, scheme, verify, access.client_certificate)
    # A proxy or a .netrc of the environment has no business between us and the lease.
    http.session.trust_env = False
    # Consul never sends us elsewhere; whoever does would be shown the token.
    http.session.max_redirects = 0
    token = access.token(client.token or "")
    # The libraries prefer CONSUL_HTTP_TOKEN to what they are given, and py-consul leaves it out of transactions.
    client.token = None
    http.session.auth = token.sign
    http.session.hooks["response"].append(token.heard)
    if hasattr(http, "connections_timeout"):
        http.connections_timeout = timeout_ms / 1000  # py-consul, which adds the wait of a blocking query by itself
    else:
        http.timeout = timeout_ms / 1000
    client.http = http
    return client
