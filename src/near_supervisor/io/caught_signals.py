"""Which signals a process catches: the kernel's word. One that it does not catch may end it."""

from __future__ import annotations

from pathlib import Path

_CAUGHT = "SigCgt:"


def has(pid: int, number: int) -> bool:
    """Has process ``pid`` a handler for signal ``number``? False also where that cannot be told. Source: proc(5)."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        mask = next(line.removeprefix(_CAUGHT) for line in lines if line.startswith(_CAUGHT))
        return bool(int(mask, 16) >> (number - 1) & 1)
    except (OSError, ValueError, StopIteration):
        return False
