"""Timers: when to approve which height, when to produce. Delays 100 and 200 ms, at most 500."""

from __future__ import annotations

import pytest

from neard_sim.doomslug import Delays, Doomslug

MS = 1_000_000
DELAYS = Delays(min=100 * MS, max=200 * MS, max_wait=500 * MS)
TIP = 1000 * MS


def timers(final: int = 8) -> Doomslug:
    found = Doomslug(DELAYS)
    found.set_tip(10, TIP, final, TIP)
    return found


@pytest.mark.parametrize(
    ("final", "after_ms", "target"),
    [
        (8, 0, 11),
        (8, 219, 11),
        (8, 220, 12),
        (8, 220 + 239, 12),
        (8, 220 + 240, 13),
        (8, 220 + 240 + 260, 14),
        (0, 379, 11),
        (0, 380, 12),
    ],
)
def test_the_target_moves_on_with_growing_waits(final: int, after_ms: int, target: int) -> None:
    assert timers(final).target(TIP + after_ms * MS) == target


def test_waits_are_capped() -> None:
    assert DELAYS.skip(2) == 200 * MS
    assert DELAYS.skip(3) == 220 * MS
    assert DELAYS.skip(100) == 500 * MS


def test_a_late_node_comes_to_the_target_of_the_others_at_once() -> None:
    early, late = timers(), timers()
    for step in range(0, 3000, 10):
        early.target(TIP + step * MS)
    assert early.target(TIP + 3000 * MS) == late.target(TIP + 3000 * MS)


@pytest.mark.parametrize(
    ("height", "after_ms", "may"), [(11, 99, False), (11, 100, True), (12, 0, True), (10, 900, False)]
)
def test_the_next_height_waits_for_the_min_delay_and_a_skip_for_nothing(height: int, after_ms: int, may: bool) -> None:
    assert timers().may_produce(height, TIP + after_ms * MS) is may


def test_a_block_carries_its_planned_time_so_that_latency_does_not_add_up() -> None:
    assert timers().block_time(11, TIP + 107 * MS) == TIP + 100 * MS
    late = timers()
    late.target(TIP + 223 * MS)
    assert late.block_time(12, TIP + 223 * MS) == TIP + 220 * MS


def test_a_block_that_is_really_late_carries_the_time_of_its_making() -> None:
    assert timers().block_time(11, TIP + 450 * MS) == TIP + 450 * MS


def test_the_next_event_is_production_then_each_skip() -> None:
    item = timers()
    assert item.next_event(TIP) == TIP + 100 * MS
    assert item.next_event(TIP + 150 * MS) == TIP + 220 * MS
    item.target(TIP + 220 * MS)
    assert item.next_event(TIP + 221 * MS) == TIP + 460 * MS


def test_the_earliest_start_of_all_nodes_is_adopted_but_none_before_the_tip() -> None:
    item = Doomslug(DELAYS)
    item.set_tip(10, TIP, 8, TIP + 5000 * MS)
    item.adopt_base(TIP + 4000 * MS)
    assert item.base_ns == TIP + 4000 * MS
    for ignored in (TIP + 4500 * MS, TIP - 1):
        item.adopt_base(ignored)
    assert item.base_ns == TIP + 4000 * MS
    assert item.target(TIP + 4220 * MS) == 12


def test_a_missing_chunk_is_waited_for_a_third_of_a_skip() -> None:
    assert timers().chunk_wait() == 220 * MS // 3
