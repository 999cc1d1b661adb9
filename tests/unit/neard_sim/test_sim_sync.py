"""The sync state: what neard would answer, also where that answer misleads."""

from __future__ import annotations

import pytest

from neard_sim.sync import Status, Sync, SyncRules

RULES = SyncRules(min_peers=2, skip_wait=False, check_period=1000, threshold=1, header_horizon=50)


def test_it_waits_for_the_first_peers_and_not_for_them_again() -> None:
    sync = Sync(RULES)
    assert sync.update(0, 10, [10]) is Status.AWAITING_PEERS
    assert sync.syncing
    assert sync.update(0, 10, [10, 10]) is Status.NO_SYNC
    assert sync.update(5000, 10, [10]) is Status.NO_SYNC


@pytest.mark.parametrize(
    ("head", "peers", "wanted"),
    [
        (10, [10, 11], Status.NO_SYNC),
        (10, [10, 12], Status.BLOCK_SYNC),
        (10, [61, 5], Status.HEADER_SYNC),
    ],
)
def test_more_than_the_threshold_ahead_is_behind(head: int, peers: list[int], wanted: Status) -> None:
    assert Sync(RULES).update(0, head, peers) is wanted


def test_falling_behind_shows_only_at_the_next_check_catching_up_at_once() -> None:
    sync = Sync(RULES)
    sync.update(0, 10, [10, 10])
    assert sync.update(999, 10, [30, 30]) is Status.NO_SYNC
    assert sync.update(1000, 10, [30, 30]) is Status.BLOCK_SYNC
    assert sync.update(1001, 29, [30, 30]) is Status.NO_SYNC


def test_alone_it_says_that_it_is_in_sync() -> None:
    sync = Sync(RULES)
    sync.update(0, 10, [10, 10])
    sync.update(2000, 10, [30, 30])
    assert sync.syncing
    sync.update(2001, 10, [])
    assert not sync.syncing
    assert sync.requirement == "NoPeers"


def test_a_one_validator_chain_waits_for_nobody() -> None:
    rules = SyncRules(min_peers=3, skip_wait=True, check_period=1000, threshold=1, header_horizon=50)
    assert Sync(rules).update(0, 0, []) is Status.NO_SYNC
