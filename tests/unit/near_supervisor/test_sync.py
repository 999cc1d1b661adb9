"""Synced is more than ``syncing: false``: each missing part is named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from near_supervisor.core.facts.sync import MIN_FRESH_MS, Sample, Sync, fold, fresh_ms
from support.core_play import SETTINGS, sample

LIMIT = fresh_ms(SETTINGS)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        pytest.param(sample(5), "", id="in sync"),
        pytest.param(sample(5, peers=None), "", id="peers not told: not held against it"),
        pytest.param(sample(5, head_age_ms=-2_000), "", id="a clock behind the producer's"),
        pytest.param(sample(5, syncing=True), "is syncing", id="says so itself"),
        pytest.param(sample(5, head_age_ms=LIMIT + 1), "newest block", id="an old block"),
        pytest.param(sample(5, peers=0), "no peers", id="isolated"),
    ],
)
def test_one_sample(given: Sample, word: str) -> None:
    view = fold(Sync(), given, 1_000, SETTINGS)
    assert view.synced is (word == "")
    assert word in view.reason


def test_an_isolated_neard_whose_clock_flatters_it_is_found_out_by_our_own_clock() -> None:
    view = fold(Sync(), sample(5, head_age_ms=0), 1_000, SETTINGS)
    assert fold(view, sample(5, head_age_ms=0), 1_000 + LIMIT, SETTINGS).synced
    view = fold(view, sample(5, head_age_ms=0), 1_001 + LIMIT, SETTINGS)
    assert not view.synced
    assert "stands at 5" in view.reason
    assert fold(view, sample(6, head_age_ms=0), 1_002 + LIMIT, SETTINGS).synced


def test_a_chain_of_one_validator_may_stand_still_where_the_operator_says_so() -> None:
    settings = replace(SETTINGS, chain_may_stand_still=True)
    assert fold(Sync(), sample(5, head_age_ms=10**9, peers=0), 1_000, settings).synced
    assert not fold(Sync(), sample(5, syncing=True), 1_000, settings).synced


def test_a_fast_chain_leaves_room_for_a_busy_machine() -> None:
    assert fresh_ms(replace(SETTINGS, block_time_ms=100)) == MIN_FRESH_MS == 5_000
    assert fresh_ms(replace(SETTINGS, block_time_ms=600)) == 6_000
    assert fresh_ms(replace(SETTINGS, block_time_ms=1_300)) == 13_000


def test_on_a_chain_that_is_slower_than_its_configuration_says_a_block_may_be_older() -> None:
    """Found by bin/simulate (harsh, seed 18767): a standby some blocks behind was in sync and out of it for ever."""
    assert fresh_ms(SETTINGS, 1_200) == 12_000
    assert fresh_ms(SETTINGS, 300) == fresh_ms(SETTINGS) == 6_000
    assert fold(Sync(), sample(7, head_age_ms=9_000), 0, SETTINGS, 1_200).synced
    assert not fold(Sync(), sample(7, head_age_ms=9_000), 0, SETTINGS, None).synced
