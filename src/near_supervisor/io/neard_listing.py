"""Asks neard with which keys the chain lists an account (neard's RPC ``validators``)."""

from __future__ import annotations

from near_supervisor.core.facts.listing import Listing

from .neard_rpc import NeardRpc, Unreadable

_MAX_SEATS = 10_000
_MAX_KEY = 200


def read(rpc: NeardRpc, account_id: str) -> Listing:
    """Its keys in this epoch and in the next one.

    Raises Unreadable when neard does not tell, or not in the shape that it should have.
    """
    told = rpc.call("validators", [None])
    if not isinstance(told, dict):
        raise Unreadable("validators is not a JSON object")
    return Listing(*(_key(told.get(name), name, account_id) for name in ("current_validators", "next_validators")))


def _key(seats: object, name: str, account_id: str) -> str:
    if not isinstance(seats, list) or len(seats) > _MAX_SEATS:
        raise Unreadable(f"validators has no list of {name}")
    seat = next((one for one in seats if isinstance(one, dict) and one.get("account_id") == account_id), None)
    if seat is None:
        return ""
    key = seat.get("public_key")
    if not isinstance(key, str) or not key or len(key) > _MAX_KEY or not key.isprintable():
        raise Unreadable(f"validators has no public key of {account_id} in {name}")
    return key
