"""One validator key, one lock: what the lock that is named by the public key forbids.

The lease has a name that somebody configures, and two names for one validator are two leases. So whoever takes a lease
takes this lock in the same transaction, and writes its record there with each heartbeat. It only ever excludes: between
nodes of one name the lease decides as ever. What no member has signed is nobody's record, whatever name it bears.
"""

from __future__ import annotations

from near_ha.records import consul_keys, wire
from near_ha.records.lease_record import LeaseRecord, LeaseState

from . import lease
from .settings import Settings
from .values import dataclass, replace


@dataclass(frozen=True)
class KeySeen:
    """The lock as one read showed it.

    ``index`` is its ModifyIndex, None when there is no such key; ``account_id`` the name of the lease that its record
    belongs to; ``session`` locks it, or None. ``doubt`` says why no member's record is there: it cannot be read, or
    nobody has signed it, or it is put back from long ago ("" = one is). Then ``record`` is None, ``claim`` what it says
    (None = nothing that can be read). ``problem`` says why this node may not read it ("" = it may).
    """

    index: int | None = None
    account_id: str = ""
    record: LeaseRecord | None = None
    session: str | None = None
    problem: str = ""
    claim: LeaseRecord | None = None
    doubt: str = ""


@dataclass(frozen=True)
class Other:
    """The last record of another name that was believed; ``own_term`` was the term of our own lease then."""

    account_id: str
    record: LeaseRecord
    own_term: int


@dataclass(frozen=True)
class KeyWatch:
    """What was seen, and since when it has not moved (on our own clock); ``other`` stays known when it is gone."""

    seen: KeySeen
    since: int
    other: Other | None = None


def look(watch: KeyWatch | None, seen: KeySeen | None, settings: Settings, own_term: int, now: int) -> KeyWatch | None:
    """The view after a read whose answer arrived at ``now``: any change starts the wait again.

    ``own_term`` is the newest term of the lease of our own name.
    """
    if seen is None:
        return watch
    other = watch.other if watch is not None else None
    if seen.record is not None and _is_put_back(seen.account_id, seen.record, other, settings):
        seen = replace(seen, record=None, claim=seen.record, doubt="is put back from long ago, a later one was seen")
    if watch is not None and watch.seen == seen:
        return watch
    if seen.record is not None and seen.account_id != settings.account_id:
        other = Other(seen.account_id, seen.record, own_term)
    return KeyWatch(seen, now, other)


def _is_put_back(account_id: str, record: LeaseRecord, other: Other | None, settings: Settings) -> bool:
    """Was a record of another name seen that came after this one?

    Whoever of our name takes the lock from that one has a new term of our lease.
    """
    if other is None:
        return False
    if account_id == settings.account_id:
        return record.term <= other.own_term
    if account_id != other.account_id or record.term != other.record.term:
        return account_id == other.account_id and record.term < other.record.term
    return _writer(record) == _writer(other.record) and record.seq < other.record.seq


def _writer(record: LeaseRecord) -> tuple[str, str]:
    return record.node_id, record.hostname


def opens_at(watch: KeyWatch | None, settings: Settings) -> int | None:
    """The instant from which it forbids this node nothing; None when time alone will not bring it.

    As with the lease, a session that is gone is no short cut: whoever wrote the record may go on for what it says.
    """
    if watch is None:
        return 0
    seen, record = watch.seen, watch.seen.record
    if seen.problem:
        return None
    if seen.index is None:
        # Somebody may have deleted it: a holder that lives writes it again with its next heartbeat.
        return watch.since + _known_ms(watch, settings)
    if record is None:
        # The same of one that somebody has written over, and it is not obeyed for ever: not even with a session.
        return watch.since + max(_known_ms(watch, settings), _claimed_ms(seen))
    if seen.account_id == settings.account_id:
        return 0
    if seen.session is not None:
        return None
    if record.state is LeaseState.RELEASED:
        return watch.since
    return watch.since + max(settings.lease_ms, record.lease_ms)


def _known_ms(watch: KeyWatch, settings: Settings) -> int:
    return max(settings.lease_ms, watch.other.record.lease_ms if watch.other is not None else 0)


def _claimed_ms(seen: KeySeen) -> int:
    """Who signs with another record key has a lease, too, and that is true; nobody has a longer one than this."""
    return min(seen.claim.lease_ms, lease.MAX_LEASE_MS) if seen.claim is not None else lease.FOREIGN_WAIT_MS


def signed_up_to(watch: KeyWatch | None, settings: Settings) -> int | None:
    """The height that a holder of another name has named last; None where nobody of another name has held it.

    0 where it may be that somebody has, and nothing is known of that one.
    """
    if watch is None:
        return None
    known = watch.other.record.height if watch.other is not None else None
    if watch.seen.index is None:
        return known
    if watch.seen.record is None:
        return known or 0
    return max(watch.seen.record.height, known or 0) if watch.seen.account_id != settings.account_id else None


def against(watch: KeyWatch | None, settings: Settings) -> str:
    """Who holds it under another name, or why that is not known; "" when nobody does."""
    if watch is None:
        return ""
    seen, record = watch.seen, watch.seen.record
    if seen.problem:
        return f"it cannot be read who holds the lock of this validator key: {seen.problem}"
    if seen.session is None or record is None or seen.account_id == settings.account_id:
        return ""
    return (
        f"{record.node_id} on host {record.hostname} holds the lock of this validator key under the account id"
        f" {seen.account_id}, and this node has {settings.account_id}. Two names of one validator are two clusters:"
        " give all of its nodes the same --account-id, that of its key, or stop the other ones"
    )


def claims(watch: KeyWatch | None, settings: Settings) -> str:
    """There is a value that no member of this validator has written; "" when there is none."""
    if watch is None or not watch.seen.doubt:
        return ""
    key = consul_keys.validator_key(settings.validator_account_id, settings.validator_public_key)
    claim, name = watch.seen.claim, watch.seen.account_id
    says = ""
    if claim is not None:
        who = f"{wire.shown(claim.node_id)} on {wire.shown(claim.hostname)}"
        says = f" says that it is of {who}, account id {wire.shown(name)}, state {claim.state.value}, and"
    return (
        f"the lock of this validator key, {key},{says} {watch.seen.doubt}: it is waited out, and gives nobody the lock."
        " Find out who can write to Consul, or which host has another --record-key"
    )
