"""The chain's clock on ours: by the youngest head that was seen, whatever a wall clock says."""

from __future__ import annotations

from near_supervisor.core.facts.chain_clock import ChainClock, fold

BLOCK_MS = 600


def test_the_first_head_is_taken_for_the_tip() -> None:
    assert fold(None, 1_000, 50_000, BLOCK_MS) == ChainClock(49_000, 50_000)


def test_a_younger_head_says_more_than_an_older_one() -> None:
    clock = ChainClock(49_000, 50_000)
    assert fold(clock, 1_600, 50_500, BLOCK_MS) == ChainClock(48_900, 50_500)
    assert fold(clock, 1_600, 52_000, BLOCK_MS) == clock


def test_a_clock_that_runs_fast_does_not_make_every_head_look_old() -> None:
    clock = ChainClock(49_000, 50_000)
    assert fold(clock, 11_000 - 20, 60_000, BLOCK_MS) == ChainClock(49_020, 60_000)
    assert fold(clock, 11_000 - 21, 60_000, BLOCK_MS) == clock


def test_a_clock_that_runs_slow_does_not_make_an_old_head_look_young() -> None:
    assert ChainClock(49_000, 50_000).made_at(born_ms=2_000, now=150_000) == 51_000 - 1_000


def test_one_producer_whose_clock_is_ahead_is_not_believed() -> None:
    clock = fold(ChainClock(49_000, 50_000), born_ms=61_000, asked_at=50_600, block_time_ms=BLOCK_MS)
    assert clock == ChainClock(49_000, 50_000, doubted_since=50_600)
    assert fold(clock, 2_100, 51_200, BLOCK_MS) == ChainClock(49_000, 50_000)


def test_heads_that_stay_younger_for_longer_than_they_are_younger_are_believed() -> None:
    """neard has caught up: what was taken for the tip lagged by five seconds."""
    clock = ChainClock(49_000, 50_000)
    for asked_at in range(51_000, 56_001, 1_000):
        clock = fold(clock, asked_at - 44_000, asked_at, BLOCK_MS)
        assert clock == ChainClock(49_000, 50_000, doubted_since=51_000)
    assert fold(clock, 57_000 - 44_000, 57_000, BLOCK_MS) == ChainClock(44_000, 57_000)


def test_one_head_may_have_been_there_for_a_while_and_three_that_agree_were_not_all() -> None:
    clock = fold(None, 1_000, 50_000, BLOCK_MS)
    assert not clock.is_settled
    again = fold(clock, 1_000, 50_100, BLOCK_MS)
    assert not fold(again, 1_000, 50_200, BLOCK_MS).is_settled, "one head, however often it is seen"
    for number in (1, 2):
        clock = fold(clock, 1_000 + number * BLOCK_MS, 50_000 + number * BLOCK_MS + 50, BLOCK_MS)
    assert clock.is_settled
    # A head that is much younger than all before says that these were seen late.
    assert not fold(clock, 1_000 + 4 * BLOCK_MS, 50_000 + 3 * BLOCK_MS, BLOCK_MS // 3 * 5).is_settled


def test_heads_that_come_late_settle_nothing() -> None:
    clock = fold(None, 1_000, 50_000, BLOCK_MS)
    for number in range(1, 9):
        clock = fold(clock, 1_000 + number * BLOCK_MS, 50_000 + (number + 3) * BLOCK_MS, BLOCK_MS)
    assert not clock.is_settled
