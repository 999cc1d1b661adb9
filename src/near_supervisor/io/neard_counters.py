"""Asks neard what the chain has counted of one validator in this epoch (neard's RPC ``validators``)."""

from __future__ import annotations

from near_ha.records.wire import count
from near_supervisor.core.facts.duty import Duty
from near_supervisor.core.facts.signing_check import KINDS, Counted

from .neard_rpc import NeardRpc, Unreadable

_MAX_SEATS = 10_000
_MAX_SHARDS = 1_000


def read(rpc: NeardRpc, account_id: str) -> Counted:
    """What it says; what a version lacks was never expected.

    Raises Unreadable when neard does not tell, or not in the shape that it should have.
    """
    told = rpc.call("validators", [None])
    seats = told.get("current_validators") if isinstance(told, dict) else None
    if not isinstance(told, dict) or not isinstance(seats, list) or len(seats) > _MAX_SEATS:
        raise Unreadable("validators has no list of current_validators")
    start = _count(told.get("epoch_start_height"))
    seat = next((one for one in seats if isinstance(one, dict) and one.get("account_id") == account_id), None)
    return (
        Counted(start, ())
        if seat is None
        else Counted(start, tuple(_duty(seat, kind) for kind in KINDS), _shards(seat))
    )


def _shards(seat: dict[str, object]) -> tuple[Duty, ...]:
    """Of a shard of which nothing was expected nothing is told."""
    expected, produced = (seat.get(f"num_{which}_chunks_per_shard", []) for which in ("expected", "produced"))
    if (
        not isinstance(expected, list)
        or not isinstance(produced, list)
        or len(expected) != len(produced)
        or len(expected) > _MAX_SHARDS
    ):
        raise Unreadable("validators has chunks by shard that are no two lists of one length")
    shards = [Duty(_count(one), _count(other)) for one, other in zip(expected, produced, strict=True)]
    return tuple(shard for shard in shards if shard.expected)


def _duty(seat: dict[str, object], kind: str) -> Duty:
    return Duty(*(_count(seat.get(f"num_{which}_{kind}", 0)) for which in ("expected", "produced")))


def _count(value: object) -> int:
    counted = count(value)
    if counted is None:
        raise Unreadable("validators has something that is no count")
    return counted
