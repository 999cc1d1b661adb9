"""The URL of a Consul agent, as every client of ours reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

EXAMPLE = "http://localhost:8500"
_DEFAULT_PORT = 8500
# Up to the last @ of what comes before a path: whoever wrote a password there may have left its own @ in it.
_LOGIN = re.compile(r"(?<=//)[^/\s,]*@")


@dataclass(frozen=True)
class ConsulUrl:
    """``host`` has no brackets, whatever kind of address it is."""

    scheme: str
    host: str
    port: int

    @property
    def netloc_host(self) -> str:
        """The host as it stands before a port."""
        return f"[{self.host}]" if ":" in self.host else self.host


def parse(text: str) -> ConsulUrl | None:
    """What ``text`` names; None when it is no http(s) URL of an agent, or says more than that."""
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname or "", _DEFAULT_PORT if parts.port is None else parts.port
    except ValueError:
        return None
    # Everything else of a URL would be dropped without a word.
    extra = parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme not in ("http", "https") or not host or not port or extra:
        return None
    return ConsulUrl(parts.scheme, host, port)


def shown(text: str) -> str:
    """``text``, one URL or a list of them, for people: a name and a password in it are not shown."""
    return _LOGIN.sub("(not shown)@", text)
