"""The leader's record: the JSON value of the lease key.

``NodeId`` and ``Hostname`` are spelled as kuutamod spells them, the rest is ours. A record that lacks
our fields was written by a foreign candidate (kuutamod itself, or a person).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import Enum

from ..errors import BadRecord
from . import wire

_MAX_COUNT = 2**62
_MAX_NAME = 100


class LeaseState(str, Enum):
    """``Released`` is written only after the armed neard has been waited for.

    ``Vacant`` is written, without a lock, where there was no record: it is waited out like a silent holder.
    """

    VALIDATING = "Validating"
    RELEASED = "Released"
    VACANT = "Vacant"


@dataclass(frozen=True)
class LeaseRecord:
    """What a holder says of itself with each heartbeat.

    ``lease_ms`` is the holder's lease D in milliseconds; ``term`` grows with each change of holder,
    ``seq`` with each heartbeat of one term; ``height`` is the largest height the holder may have
    signed, or may still sign before its deadline unless a block comes; ``chain_ms`` is what the chain's clock showed
    when the record was written (milliseconds since 1970; 0 = not known); ``handover_to`` names the only node that may
    acquire at once ("" = any). ``unsigned_ms`` is for how long nobody had signed when it was written, at the least;
    0 while somebody does. ``final``: a release whose ``height`` is all that was signed, and not only what is known of
    it. ``leaves``: a release by a supervisor that ends, so that it takes the lease no more.
    """

    node_id: str
    hostname: str
    state: LeaseState
    lease_ms: int
    term: int
    seq: int
    height: int
    validator_public_key: str
    handover_to: str = ""
    reason: str = ""
    chain_ms: int = 0
    unsigned_ms: int = 0
    final: bool = False
    leaves: bool = False

    def to_json(self) -> str:
        """The value as it is stored."""
        fields = asdict(self)
        fields["state"] = self.state.value
        return json.dumps({"NodeId": fields.pop("node_id"), "Hostname": fields.pop("hostname"), **fields})


def parse(raw: bytes) -> LeaseRecord:
    """The record stored as ``raw``; BadRecord when it is not one of ours, whatever the bytes are."""
    fields = wire.fields(raw, "lease record")
    try:
        state = LeaseState(fields.document.get("state"))
    except ValueError:
        raise BadRecord(f"lease record has state {wire.shown(fields.document.get('state'))}") from None
    return LeaseRecord(
        node_id=fields.text("NodeId"),
        hostname=fields.text("Hostname"),
        state=state,
        lease_ms=fields.count("lease_ms", wire.MAX_LEASE_MS),
        term=fields.count("term", _MAX_COUNT),
        seq=fields.count("seq", _MAX_COUNT),
        height=fields.count("height", _MAX_COUNT),
        validator_public_key=fields.text("validator_public_key"),
        handover_to=fields.text("handover_to"),
        reason=fields.text("reason"),
        chain_ms=fields.count("chain_ms", _MAX_COUNT, default=0),
        unsigned_ms=fields.count("unsigned_ms", _MAX_COUNT, default=0),
        final=fields.flag("final", default=False),
        leaves=fields.flag("leaves", default=False),
    )


def holder_name(raw: bytes) -> str:
    """Who a record names, ours or foreign, for people to read; "" when it names nobody."""
    try:
        return wire.fields(raw, "lease record").text("NodeId")[:_MAX_NAME]
    except BadRecord:
        return ""


def one_leadership(one: LeaseRecord, other: LeaseRecord) -> bool:
    """Do both tell of the same node in the same term?"""
    return (one.term, one.node_id) == (other.term, other.node_id)
