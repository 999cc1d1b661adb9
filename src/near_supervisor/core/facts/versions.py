"""What a version says, and which of two is the older one."""

from __future__ import annotations

_PARTS = 3


def older(one: str, other: str) -> bool:
    """Is ``one`` surely older than ``other``? ``trunk``, "" and whatever else is no release is not known to be.

    ``2.10.0-rc.1`` is older than ``2.10.0``; two of these candidates are not told apart.
    """
    mine, theirs = _parsed(one), _parsed(other)
    return mine is not None and theirs is not None and mine < theirs


def numbers(text: str) -> tuple[int, ...] | None:
    """``(2, 10, 0)`` of ``2.10.0`` and of ``2.10.0-rc.1``; None for what is no release, such as ``trunk``."""
    parsed = _parsed(text)
    return None if parsed is None else parsed[0]


def _parsed(text: str) -> tuple[tuple[int, ...], bool] | None:
    numbers, dash, _candidate = text.partition("-")
    parts = numbers.partition("+")[0].split(".")
    # A number of a hundred digits comes from a record that somebody has made up.
    if len(parts) != _PARTS or not all(part.isascii() and part.isdecimal() and len(part) < 10 for part in parts):  # noqa: PLR2004
        return None
    return tuple(map(int, parts)), not dash
