"""What neard's metrics say, and when they are there at all."""

from __future__ import annotations

import pytest

from contract.chain_under_test import ChainUnderTest
from near_localnet.layout import CHAIN_NODES

MADE = ("near_block_produced_total", "near_chunk_produced_total")


@pytest.mark.parametrize("name", MADE)
def test_counters_of_what_was_made_are_absent_before_the_first(neard: ChainUnderTest, name: str) -> None:
    assert neard.series(name) == {}
    neard.until("a validator has made one", lambda: (neard.metric(name, CHAIN_NODES[0]) or 0) > 0)


def test_the_target_height_rises_without_a_key(neard: ChainUnderTest) -> None:
    before = neard.metric("near_largest_target_height")
    assert before is not None
    neard.until("it rises", lambda: (neard.metric("near_largest_target_height") or 0) > before + 2)
    assert neard.status()["validator_account_id"] is None


def test_connections_are_told_by_direction_and_tier(neard: ChainUnderTest) -> None:
    found = neard.series("near_peer_connections")
    assert sum(value for labels, value in found.items() if 'tier="T2"' in labels) == len(CHAIN_NODES)
    assert neard.metric("near_peer_connections_total") == len(CHAIN_NODES)


@pytest.mark.parametrize("name", ["near_config_correct", "near_block_height_head", "near_config_reloads_total"])
def test_there_from_the_start_on(neard: ChainUnderTest, name: str) -> None:
    assert (neard.metric(name) or 0) > 0


def test_sync_status_becomes_zero_in_sync(neard: ChainUnderTest) -> None:
    """It is refreshed now and then: right after `/status` says that it is in sync, it may say something else."""
    neard.until("it is", lambda: neard.metric("near_sync_status") == 0)
