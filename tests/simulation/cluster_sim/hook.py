"""A host's hook ``pre_takeover``: some hosts have one, and some of these say no, or take their time."""

from __future__ import annotations

import random

# Dice of its own, so that a schedule without hooks tells the story it always told.
SALT = 0x400C
WITH_HOOK = 0.3
VETO = 0.4
SLOW = 0.3
QUICK_MS = 300
# The daemon ends it then, which is a no.
LONGEST_MS = 10_000


def has_one(seed: int, host: str) -> bool:
    """Is there a hook on this host?"""
    return _dice(seed, host, "").random() < WITH_HOOK


def says(seed: int, host: str, request: str) -> tuple[bool, int]:
    """Its answer to one request, the same however often it is asked, and how long it takes for that."""
    dice = _dice(seed, host, request)
    go = dice.random() >= VETO
    if dice.random() >= SLOW:
        return go, dice.randint(1, QUICK_MS)
    takes = dice.randint(QUICK_MS, LONGEST_MS + 1)
    return go and takes <= LONGEST_MS, min(takes, LONGEST_MS)


def is_against(seed: int, host: str, request: str) -> bool:
    """Does the host have one that says no?"""
    return has_one(seed, host) and not says(seed, host, request)[0]


def _dice(seed: int, host: str, request: str) -> random.Random:
    return random.Random(f"{seed ^ SALT} {host} {request}")  # noqa: S311 - repeatable is what it has to be
