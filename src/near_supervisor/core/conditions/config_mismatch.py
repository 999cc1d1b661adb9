"""What is wrong with standing beside the validator that is seen: settings that have to be the same on all nodes."""

from __future__ import annotations

from near_ha.records import consul_keys, wire
from near_ha.records.lease_record import LeaseRecord, LeaseState

from ..facts.lease_view import Seen
from ..facts.listing import Listed, Listing, listed
from ..facts.settings import Settings


def other_key(seen: Seen | None, mine: Settings, told: bool, listing: Listing | None = None) -> str:
    """It signs with another key, or did last; "" when it does not, or does not say (kuutamod).

    The silence of a validator is when another key would be used. One that has released the lease leaves it to a new
    key, if the chain lists the account with that: a key that was changed on purpose. With another key its records
    cannot be verified here: so a claim counts as well, for a node that was never ``told`` anything that could.
    """
    record = _record(seen) or (seen.claim if seen is not None and not told else None)
    if record is None or record.state is LeaseState.VACANT:
        return ""
    if record.validator_public_key in ("", mine.validator_public_key):
        return ""
    if record.state is LeaseState.RELEASED:
        # Under a name that is not the key's account, the listed key may be quite another validator's.
        is_new = listed(listing, mine) is Listed.OURS and mine.account_id == mine.validator_account_id
        return "" if is_new else _released_by(record, mine)
    return (
        f"validator key differs: {record.node_id} signs with {record.validator_public_key}, this node was given"
        f" {mine.validator_public_key}. Give all nodes of account {mine.account_id} the same --validator-key;"
        f" if the key was changed on purpose and {record.node_id} is gone for good, delete the lease's key in Consul"
    )


def _released_by(record: LeaseRecord, mine: Settings) -> str:
    return (
        f"validator key differs: {record.node_id} signed last, with {record.validator_public_key}, this node was given"
        f" {mine.validator_public_key}, and it is not seen that the chain lists {mine.account_id} with that. Give all"
        " nodes the same --validator-key; if the key is changed on purpose, this node may take over when the chain"
        f" lists it, or when the lease's key in Consul is deleted while nobody signs"
    )


def other_lease(seen: Seen | None, mine: Settings) -> str:
    """It holds with another lease; "" when it does not."""
    record = _validator(seen)
    if record is None or seen is None or seen.session is None or record.lease_ms == mine.lease_ms:
        return ""
    return (
        f"lease differs: {record.node_id} holds with --lease {record.lease_ms / 1000:g}, this node has"
        f" --lease {mine.lease_ms / 1000:g}. Give all nodes the same; until then the longer one is waited out"
    )


def claims(seen: Seen | None, mine: Settings) -> str:
    """There is a record that no member of this cluster has written; "" when there is none, or it is a foreign one."""
    if seen is None or seen.claim is None:
        return ""
    claim = seen.claim
    writer = f"{wire.shown(claim.node_id)} on {wire.shown(claim.hostname)}" if claim.node_id else "nobody (a vacancy)"
    return (
        f"{consul_keys.leader(mine.account_id)} says that it is of {writer}, state {claim.state.value}, term"
        f" {claim.term}, and {seen.doubt}: it is waited out, and gives nobody the lease. Find out who can write to"
        " Consul, or which host has another key or an older version"
    )


def _validator(seen: Seen | None) -> LeaseRecord | None:
    record = _record(seen)
    return record if record is not None and record.state is LeaseState.VALIDATING else None


def _record(seen: Seen | None) -> LeaseRecord | None:
    return seen.record if seen is not None else None
