"""How long processes of this machine have waited for a processor: time in which nothing can be expected of them."""

from __future__ import annotations

import re
from pathlib import Path

PRESSURE = Path("/proc/pressure/cpu")
# https://docs.kernel.org/accounting/psi.html: "some" = at least one task waits; in microseconds since the boot.
_TOTAL = re.compile(r"^some .*\btotal=(\d+)$", re.MULTILINE)
_US = 1_000_000


def cpu_waited_s(file: Path = PRESSURE) -> float:
    """Seconds since the boot in which at least one process waited for a processor; 0 where the kernel counts none."""
    try:
        return parse(file.read_text())
    except OSError:
        return 0.0


def parse(text: str) -> float:
    """Seconds, from the text of /proc/pressure/cpu; 0 if there is no such line."""
    found = _TOTAL.search(text)
    return int(found[1]) / _US if found else 0.0
