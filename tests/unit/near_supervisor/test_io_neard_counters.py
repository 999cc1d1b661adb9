"""What neard says that the chain has counted of a validator, behind a hostile server: counts, or Unreadable."""

from __future__ import annotations

from typing import Any

import pytest

from near_supervisor.core.facts.duty import Duty
from near_supervisor.core.facts.signing_check import Counted
from near_supervisor.io import neard_counters
from near_supervisor.io.neard_rpc import NeardRpc, Unreadable
from support.hostile_http import CLOSE, answer, hostile

SEAT = {
    "account_id": "pool.near",
    "num_expected_blocks": 3,
    "num_produced_blocks": 2,
    "num_expected_chunks": 30,
    "num_produced_chunks": 29,
}

MANY = [0] * 1_001


def read(said: bytes) -> Counted:
    with hostile({"/": said}) as server:
        return neard_counters.read(NeardRpc("127.0.0.1", server.port, 300), "pool.near")


def told(*seats: Any, start: Any = 100) -> bytes:
    return answer({"jsonrpc": "2.0", "result": {"current_validators": list(seats), "epoch_start_height": start}})


def test_counts_are_by_kind_and_what_a_version_lacks_was_never_owed() -> None:
    assert read(told({"account_id": "other"}, SEAT)) == Counted(100, (Duty(3, 2), Duty(30, 29), Duty(0, 0)))


def test_chunks_are_told_by_shard_too() -> None:
    by_shard = {"num_expected_chunks_per_shard": [10, 0, 20], "num_produced_chunks_per_shard": [9, 0, 20]}
    assert read(told({**SEAT, **by_shard})).shards == (Duty(10, 9), Duty(20, 20))


@pytest.mark.parametrize("seats", [[], [{"account_id": "other"}], [7, None]])
def test_who_has_no_seat_has_no_counts(seats: list[Any]) -> None:
    assert read(told(*seats)) == Counted(100, ())


@pytest.mark.parametrize(
    "said",
    [
        told(SEAT, start=None),
        told(SEAT, start="7"),
        told(*[SEAT] * 10_001),
        told({**SEAT, "num_expected_blocks": -1}),
        told({**SEAT, "num_produced_chunks": 2.0}),
        told({**SEAT, "num_produced_chunks": True}),
        told({**SEAT, "num_expected_endorsements": 2**53}),
        told({**SEAT, "num_expected_chunks_per_shard": [1]}),
        told({**SEAT, "num_expected_chunks_per_shard": 7, "num_produced_chunks_per_shard": 7}),
        told({**SEAT, "num_expected_chunks_per_shard": [-1], "num_produced_chunks_per_shard": [0]}),
        told({**SEAT, "num_expected_chunks_per_shard": MANY, "num_produced_chunks_per_shard": MANY}),
        answer({"result": {"current_validators": {}}}),
        answer({"result": []}),
        answer({"error": {}}),
        CLOSE,
    ],
)
def test_nonsense_is_unreadable(said: bytes) -> None:
    with pytest.raises(Unreadable):
        read(said)
