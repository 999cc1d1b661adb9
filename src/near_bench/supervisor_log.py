"""When a supervisor said something, by its own log: the same wall clock for all of one machine, to the millisecond."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

_STAMP = re.compile(r" ts=(\S+)$")


def said_at(log: Path, words: str, offset: int = 0) -> float | None:
    """Seconds since 1970 of the last line after byte ``offset`` that holds ``words``; None when there is none."""
    with log.open("rb") as file:
        file.seek(offset)
        lines = file.read().decode(errors="replace").splitlines()
    stamps = (found for line in reversed(lines) if words in line and (found := _STAMP.search(line)))
    found = next(stamps, None)
    return datetime.fromisoformat(found[1].replace("Z", "+00:00")).timestamp() if found else None
