"""``replace`` for the core's own values, ten times as fast as the one of ``dataclasses``.

The facts of a supervisor have some forty fields and change several times with each event; going through
``__init__`` for each change was most of the cost of a step. Type checkers see the original, so that the
names and types of changed fields are checked all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from dataclasses import replace
else:
    T = TypeVar("T")

    def replace(value: T, /, **changes: Any) -> T:
        """A copy of a frozen dataclass with some fields changed. Not for classes with slots or __post_init__."""
        fresh = object.__new__(type(value))
        fresh.__dict__.update(value.__dict__, **changes)
        return fresh


__all__ = ["replace"]
