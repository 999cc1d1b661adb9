"""How much the daemons grow: memory and descriptors of each process between a first and a last look."""

from __future__ import annotations

from pathlib import Path

from near_localnet.layout import VALIDATORS
from near_localnet.localnet import Localnet
from near_measure.usage import PROC, parse_resident

PARTS = ("supervisor", "guard")
# A process that has just started has not loaded everything yet.
SETTLED_LOOKS = 2


class Daemons:
    """Every supervisor and guard that lived through several looks; those that were killed count as far as they came."""

    def __init__(self, net: Localnet) -> None:
        self._net = net
        self._seen: dict[int, list[tuple[float, int]]] = {}

    def look(self) -> None:
        """Once more at all that run."""
        for host in VALIDATORS:
            for part in PARTS:
                for process in self._net.select(host.name, part):
                    now = _now(PROC / str(process.pid))
                    if now is not None:
                        self._seen.setdefault(process.pid, []).append(now)

    def growth(self) -> tuple[float, int]:
        """The largest growth of one process, in 10^6 bytes, and of its number of open descriptors."""
        old = [looks[SETTLED_LOOKS - 1 :] for looks in self._seen.values() if len(looks) > SETTLED_LOOKS]
        memory = max((looks[-1][0] - looks[0][0] for looks in old), default=0.0)
        return round(memory, 2), max((looks[-1][1] - looks[0][1] for looks in old), default=0)


def _now(process: Path) -> tuple[float, int] | None:
    """Resident memory and open descriptors; None when it has ended."""
    try:
        return parse_resident((process / "status").read_text()), len(list((process / "fd").iterdir()))
    except (OSError, ValueError):
        return None
