"""The record in the lock of a validator key: the leader's record once more, and under which name it leads.

It is written in the same transactions as that one. Two clusters with two names for one validator meet here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from . import lease_record, wire
from .lease_record import LeaseRecord


@dataclass(frozen=True)
class KeyRecord:
    """``account_id`` is the name of the lease, ``lease`` what its holder says of itself."""

    account_id: str
    lease: LeaseRecord


def to_json(account_id: str, lease: str) -> str:
    """The value as it is stored; ``lease`` is the value of the leader's record."""
    return json.dumps({"account_id": account_id, **json.loads(lease)})


def parse(raw: bytes) -> KeyRecord:
    """The record stored as ``raw``; BadRecord when it is not one of ours, whatever the bytes are."""
    return KeyRecord(wire.fields(raw, "key record").text("account_id", default=None), lease_record.parse(raw))
