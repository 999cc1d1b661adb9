"""Durations as neard's ``config.json`` has them: ``{"secs": 0, "nanos": 600000000}``, or the two numbers as a list."""

from __future__ import annotations

NANOS = 10**9
_MAX_SECS = 2**64
_MAX_NANOS = 2**32
_PARTS = 2


def nanoseconds(value: object) -> int:
    """The duration; ValueError for what neard refuses, too: text, one number, a fraction, a field more or less."""
    if isinstance(value, dict) and set(value) == {"secs", "nanos"}:
        parts = [value["secs"], value["nanos"]]
    elif isinstance(value, list) and len(value) == _PARTS:
        parts = value
    else:
        raise ValueError(f"{value!r} is no duration")
    if not all(isinstance(part, int) and not isinstance(part, bool) and part >= 0 for part in parts):
        raise ValueError(f"{value!r} is no duration")
    secs, nanos = parts
    if secs >= _MAX_SECS or nanos >= _MAX_NANOS:
        raise ValueError(f"{value!r} is too long")
    return int(secs) * NANOS + int(nanos)
