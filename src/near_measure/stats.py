"""Percentiles of a few measured values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

MEDIAN = 50
HIGH = 95


def nearest_rank(values: Sequence[float], percent: float) -> float:
    """The smallest of `values` that is at least as large as `percent` of them: a value that was really measured.

    Raises ValueError without values, and for a percentage that is not above 0 and at most 100.
    """
    if not values:
        raise ValueError("there are no values")
    if not 0 < percent <= 100:  # noqa: PLR2004 - a percentage
        raise ValueError(f"{percent} is no percentage above 0")
    # Without rounding, 0.07 * 100 would be 7.000000000000001 and its ceiling one rank too high.
    rank = math.ceil(round(percent * len(values) / 100, 9))
    return sorted(values)[rank - 1]


@dataclass(frozen=True)
class Summary:
    """What a table shows of many values, in their own unit. With fewer than 20 values p95 is the largest."""

    n: int
    p50: float
    p95: float
    max: float

    @staticmethod
    def of(values: Sequence[float]) -> Summary | None:
        """None when nothing was measured."""
        if not values:
            return None
        return Summary(len(values), nearest_rank(values, MEDIAN), nearest_rank(values, HIGH), max(values))
