"""Durations: what a real neard (2.13.0) takes for one, and nothing else."""

from __future__ import annotations

import pytest

from near_ha.host import durations


@pytest.mark.parametrize(
    ("value", "nanoseconds"),
    [
        ({"secs": 0, "nanos": 600_000_000}, 600_000_000),
        ({"nanos": 5, "secs": 2}, 2_000_000_005),
        ([0, 600_000_000], 600_000_000),
        ({"secs": 0, "nanos": 1_600_000_000}, 1_600_000_000),
        ({"secs": 0, "nanos": 0}, 0),
    ],
)
def test_what_neard_takes(value: object, nanoseconds: int) -> None:
    assert durations.nanoseconds(value) == nanoseconds


@pytest.mark.parametrize(
    "value",
    [None, 600, 0.6, "600ms", "0.6s", True, {}, {"secs": 0}, {"nanos": 1}, {"secs": 0, "nanos": 1, "x": 1}, [], [0],
     [0, 1, 2], {"secs": "0", "nanos": 1}, {"secs": 0.5, "nanos": 0}, {"secs": -1, "nanos": 0}, [0, -1], [True, 0],
     {"secs": float("inf"), "nanos": 0}, {"secs": None, "nanos": 1}, [2**64, 0], [0, 2**32]],
)  # fmt: skip
def test_what_neard_refuses(value: object) -> None:
    with pytest.raises(ValueError, match=r"is no duration|is too long"):
        durations.nanoseconds(value)
