"""The height rule in numbers: no chain outruns the bound, and no single head lowers it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from near_supervisor.core.ceiling import Ceiling, TwoHeads

BLOCK_MS = 600


@given(
    st.integers(0, 10**9),
    st.integers(0, 10**12),
    st.lists(st.integers(0, 5_000), max_size=50),
    st.integers(50, 2_000),
)
def test_no_chain_outruns_the_ceiling(target: int, at: int, pauses: list[int], block_time: int) -> None:
    """Heights come one block time apart or slower, the first of them the moment after the sample."""
    ceiling, height, when = Ceiling(target, at), target, at
    for pause in [0, *(block_time + pause for pause in pauses)]:
        when += pause
        height += 1
        assert height <= ceiling.height(when, block_time)


def test_a_ceiling_holds_on_a_clock_that_is_one_percent_slow() -> None:
    day_ms = 24 * 3_600_000
    assert Ceiling(1_000, 0).height(day_ms * 99 // 100, 600) >= 1_000 + day_ms // 600


def test_the_higher_of_two_ceilings_is_higher_at_all_times() -> None:
    low, high = Ceiling(1_000, 0), Ceiling(1_010, 5_900)
    for one, other in ((low, high), (high, low)):
        assert one.or_higher(other, 600) == high
    assert all(high.height(when, 600) >= low.height(when, 600) for when in range(6_000, 100_000, 777))


def test_one_head_alone_does_not_lower_the_bound() -> None:
    honest, late = Ceiling(1_010, 0), Ceiling(1_000, 0)
    heads = TwoHeads.beginning(honest, head=1_009).fold(999, late)
    assert heads.ceiling(BLOCK_MS) == honest
    # Nor does it when it is shown again.
    assert heads.fold(999, late).ceiling(BLOCK_MS) == honest
    assert heads.fold(1_000, Ceiling(1_001, 0)).ceiling(BLOCK_MS) == Ceiling(1_001, 0)


def test_one_head_alone_raises_the_bound() -> None:
    heads = TwoHeads.beginning(Ceiling(1_000, 0), head=999).fold(1_009, Ceiling(1_010, 0))
    assert heads.ceiling(BLOCK_MS) == Ceiling(1_010, 0)
