"""The chain's clock on ours: by the youngest head that was seen, whatever a wall clock says."""

from __future__ import annotations

from near_supervisor.core.tip import Tip, fold


def test_the_first_head_is_taken_for_the_tip() -> None:
    assert fold(None, born_ms=1_000, asked_at=50_000) == Tip(49_000, 50_000)


def test_a_younger_head_says_more_than_an_older_one() -> None:
    tip = fold(None, born_ms=1_000, asked_at=50_000)
    assert fold(tip, born_ms=1_600, asked_at=50_500) == Tip(48_900, 50_500)
    assert fold(tip, born_ms=1_600, asked_at=52_000) == tip


def test_what_was_seen_long_ago_counts_less_as_clocks_drift() -> None:
    tip = Tip(49_000, 50_000)
    assert tip.now(50_000) == 49_000
    assert tip.now(60_000) == 49_010
    # Of the same age, a thousandth of the time later: the new one is taken.
    assert fold(tip, born_ms=1_000 + 10_000 - 10, asked_at=60_000) == Tip(49_010, 60_000)
