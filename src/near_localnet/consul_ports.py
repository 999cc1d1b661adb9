"""Which doors of a Consul agent stay closed: servers of one machine would meet there.

Each is closed by a name that the version knows; an agent refuses a port of a name that it does not know.
"""

from __future__ import annotations

import re
import subprocess
from functools import lru_cache
from pathlib import Path

_CLOSED = ("dns", "grpc", "serf_wan")
# Open at 8503 by default since then.
_GRPC_TLS = "grpc_tls"
_GRPC_TLS_SINCE = (1, 14)
_VERSION = re.compile(r"Consul v(\d+)\.(\d+)\.")
_TIMEOUT_S = 10.0


@lru_cache(maxsize=8)
def closed_ports(consul: Path) -> dict[str, int]:
    """What to put under ``ports`` of the configuration of an agent that ``consul`` runs."""
    version = version_of(consul)
    has_tls = version is not None and version >= _GRPC_TLS_SINCE
    return dict.fromkeys((*_CLOSED, _GRPC_TLS) if has_tls else _CLOSED, -1)


def version_of(consul: Path) -> tuple[int, int] | None:
    """The first two numbers of its version; None where it does not tell."""
    try:
        told = subprocess.run(
            [str(consul), "version"], capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.match(told)
    return (int(found[1]), int(found[2])) if found else None
