"""One validator key, one lock: what the lock that is named by the public key forbids.

The lease has a name that somebody configures, and two names for one validator are two leases. So whoever takes a lease
takes this lock in the same transaction, and writes its record there with each heartbeat. It only ever excludes: between
nodes of one name the lease decides as ever.
"""

from __future__ import annotations

from near_ha.lease_record import LeaseRecord, LeaseState

from . import lease
from .settings import Settings
from .values import dataclass


@dataclass(frozen=True)
class KeySeen:
    """The lock as one read showed it.

    ``index`` is its ModifyIndex, None when there is no such key; ``account_id`` the name of the lease that its record
    belongs to; ``record`` is None where that cannot be read; ``session`` locks it, or None. ``problem`` says why this
    node may not read it ("" = it may).
    """

    index: int | None = None
    account_id: str = ""
    record: LeaseRecord | None = None
    session: str | None = None
    problem: str = ""


@dataclass(frozen=True)
class KeyWatch:
    """What was seen, and since when it has not moved (on our own clock)."""

    seen: KeySeen
    since: int


def look(watch: KeyWatch | None, seen: KeySeen | None, now: int) -> KeyWatch | None:
    """The view after a read whose answer arrived at ``now``: any change starts the wait again."""
    if seen is None or (watch is not None and watch.seen == seen):
        return watch
    return KeyWatch(seen, now)


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
        return watch.since + settings.lease_ms
    if not _is_others(seen, settings):
        return 0
    if seen.session is not None:
        return None
    if record is None:
        return watch.since + max(settings.lease_ms, lease.FOREIGN_WAIT_MS)
    if record.state is LeaseState.RELEASED:
        return watch.since
    return watch.since + max(settings.lease_ms, record.lease_ms)


def signed_up_to(watch: KeyWatch | None, settings: Settings) -> int | None:
    """The height that a holder of another name has named last; None where nobody of another name has held it."""
    if watch is None or watch.seen.index is None or not _is_others(watch.seen, settings):
        return None
    return watch.seen.record.height if watch.seen.record is not None else 0


def against(watch: KeyWatch | None, settings: Settings) -> str:
    """Who holds it under another name, or why that is not known; "" when nobody does."""
    if watch is None:
        return ""
    seen, record = watch.seen, watch.seen.record
    if seen.problem:
        return f"it cannot be read who holds the lock of this validator key: {seen.problem}"
    if seen.session is None or not _is_others(seen, settings):
        return ""
    who = f"{record.node_id} on host {record.hostname}" if record is not None else "somebody"
    return (
        f"{who} holds the lock of this validator key under the account id {seen.account_id or '?'}, and this node has"
        f" {settings.account_id}. Two names of one validator are two clusters: give all of its nodes the same"
        " --account-id, that of its key, or stop the other ones"
    )


def _is_others(seen: KeySeen, settings: Settings) -> bool:
    return seen.record is None or seen.account_id != settings.account_id
