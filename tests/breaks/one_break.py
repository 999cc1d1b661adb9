"""Deliberate breaks: each takes one rule out, and names the tests that must go red without it.

A break is a replacement in one file. ``python -m breaks`` (``bin/breaks``) applies each to a copy of the
tree and runs its tests there; a break that nothing notices is a hole in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass

CORE = "src/near_supervisor/core/"
GUARD = "src/near_guard/"
UNIT = "tests/unit/near_supervisor/"
GUARD_UNIT = "tests/unit/near_guard/"
PLAYS = " ".join(
    UNIT + name for name in ("test_signing.py", "test_height.py", "test_recorded_height.py", "test_ending.py")
)


@dataclass(frozen=True)
class Break:
    """Without ``rule`` (``old`` replaced by ``new`` in ``file``), one of ``tests`` fails."""

    rule: str
    file: str
    old: str
    new: str
    tests: str = ""
    # A program without which its tests are skipped; where it is not there, the break is left out.
    needs: str = ""
