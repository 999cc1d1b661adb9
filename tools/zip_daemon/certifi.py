"""Stands in for the package ``certifi`` in the daemon's file: the authorities that this host trusts.

The real one would be out of date on the day after the packing, and leaves a copy of its list in /tmp for each
process that is killed.
"""

from __future__ import annotations

import ssl

_DEBIAN = "/etc/ssl/certs/ca-certificates.crt"


def where() -> str:
    """The host's file of trusted certificates."""
    return ssl.get_default_verify_paths().cafile or _DEBIAN


def contents() -> str:
    """What that file holds."""
    with open(where(), encoding="ascii", errors="replace") as file:  # noqa: PTH123
        return file.read()
