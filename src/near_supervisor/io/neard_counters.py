"""Asks neard what the chain has counted of one validator in this epoch (neard-facts: RPC ``validators``)."""

from __future__ import annotations

from near_supervisor.core.proof import KINDS, Counted, Duty

from .neard_rpc import NeardRpc, Unreadable

_MAX_SEATS = 10_000
_MAX_COUNT = 2**53


def read(rpc: NeardRpc, account_id: str) -> Counted:
    """What it says; what a version lacks was never owed.

    Raises Unreadable when neard does not tell, or not in the shape that it should have.
    """
    told = rpc.call("validators", [None])
    seats = told.get("current_validators") if isinstance(told, dict) else None
    if not isinstance(told, dict) or not isinstance(seats, list) or len(seats) > _MAX_SEATS:
        raise Unreadable("validators has no list of current_validators")
    start = _count(told.get("epoch_start_height"))
    seat = next((one for one in seats if isinstance(one, dict) and one.get("account_id") == account_id), None)
    return Counted(start, () if seat is None else tuple(_duty(seat, kind) for kind in KINDS))


def _duty(seat: dict[str, object], kind: str) -> Duty:
    return Duty(*(_count(seat.get(f"num_{which}_{kind}", 0)) for which in ("expected", "produced")))


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MAX_COUNT:
        raise Unreadable("validators has something that is no count")
    return value
