from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from near_measure.stats import Summary, nearest_rank

VALUES = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([15, 20, 35, 40, 50], 5, 15),
        ([15, 20, 35, 40, 50], 30, 20),
        ([15, 20, 35, 40, 50], 40, 20),
        ([15, 20, 35, 40, 50], 50, 35),
        ([15, 20, 35, 40, 50], 100, 50),
        ([3, 1, 2], 50, 2),
        ([2, 1], 50, 1),
        ([7], 1, 7),
        (range(1, 101), 7, 7),  # 0.07 * 100 is a little more than 7 in floating point
        (range(1, 11), 95, 10),
        (range(1, 21), 95, 19),
    ],
)
def test_nearest_rank(values: list[float], percent: float, expected: float) -> None:
    assert nearest_rank(values, percent) == expected


@given(VALUES, st.integers(1, 100))
def test_rank_is_a_measured_value_that_covers_its_share(values: list[float], percent: int) -> None:
    found = nearest_rank(values, percent)
    assert found in values
    assert sum(value <= found for value in values) * 100 >= percent * len(values)
    assert sum(value < found for value in values) * 100 < percent * len(values)


def test_no_values_is_an_error() -> None:
    with pytest.raises(ValueError, match="no values"):
        nearest_rank([], 50)


@pytest.mark.parametrize("percent", [0, -1, 100.1])
def test_percentages_out_of_range(percent: float) -> None:
    with pytest.raises(ValueError, match="percentage"):
        nearest_rank([1.0], percent)


def test_summary() -> None:
    assert Summary.of([3.0, 1.0, 2.0, 10.0]) == Summary(4, 2.0, 10.0, 10.0)
    assert Summary.of([]) is None
