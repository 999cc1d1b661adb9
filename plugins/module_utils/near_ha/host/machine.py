"""Which machine this is, and how right its clock is."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

# Machines that were cloned have one identity, and containers share the kernel's boot: both together tell them apart.
_IDENTITY = ("/etc/machine-id", "/proc/sys/kernel/random/boot_id")


def identity() -> str:
    """The same for all names of one machine until it boots again, another for every other; empty if unknown."""
    try:
        known = "".join(Path(name).read_text(encoding="ascii") for name in _IDENTITY)
    except (OSError, ValueError):
        return ""
    # systemd asks not to pass a machine's identity on as it is.
    return hashlib.sha256(known.encode()).hexdigest()[:16]


def clock_skew_s(there: float | None) -> float:
    """How far this clock is ahead of ``there``, which a controller read before it called; 0 without one."""
    return 0.0 if there is None else round(time.time() - there, 3)
