"""A candidate's view of the lease, and its one question: may I try to acquire now?

Rules 2 and 3 of the safety rule. A stale or wrong view can cost time, never safety: each attempt is a
transaction that fails unless the record is still the one that was seen here.
"""

from __future__ import annotations

from enum import Enum

from near_ha.records.lease_record import LeaseRecord, LeaseState

from . import lease
from .heads import End
from .key_lock import KeySeen
from .settings import Settings
from .values import dataclass


@dataclass(frozen=True)
class Seen:
    """The lease as one read showed it.

    ``index`` is the key's ModifyIndex, None when there is no key; ``record`` is None where the value is
    not one of ours; ``holder`` is who it names, for people; ``session`` locks the key, or None.
    ``claim`` is what a record of our kind says that no member has signed, or that is put back from long ago: ``record``
    is None then, ``doubt`` says why, and nothing that it claims is followed.
    Where there is no key, or a claim only, and where looking begins, ``kept`` is the record of the last heartbeat, kept
    apart from it, and ``kept_index`` the ModifyIndex of that, read after the lease; None where there is none either.
    ``key`` is the lock of the validator key, read after that (None = nobody has asked).
    """

    index: int | None
    record: LeaseRecord | None = None
    holder: str = ""
    session: str | None = None
    kept: LeaseRecord | None = None
    kept_index: int | None = None
    key: KeySeen | None = None
    claim: LeaseRecord | None = None
    doubt: str = ""

    @property
    def tells_nothing(self) -> bool:
        """There is no record, or none to be believed: what the last heartbeat said has to do."""
        return self.index is None or self.claim is not None

    @property
    def released(self) -> bool:
        """The last holder said that its neard had ended, and nobody has locked the key since."""
        return self.record is not None and self.record.state is LeaseState.RELEASED and self.session is None


@dataclass(frozen=True)
class Watch:
    """What was seen, and since when it has not moved (on our own clock).

    ``turned_back``: Consul's history was replaced by an older one, so that a release in it may be long over.
    """

    seen: Seen
    since: int
    turned_back: bool = False


class How(str, Enum):
    """The ways into the lease, each a transaction of its own.

    ``VACANT`` is only the first step of one: a missing key cannot be waited out, because it looks the same
    after somebody has come and gone. So its absence is noted in a record, and that record waited out.
    """

    VACANT = "vacant"
    RELEASED = "released"
    TAKEOVER = "takeover"


@dataclass(frozen=True)
class Try:
    """Now, in this way, at this index.

    ``index`` is that of the lease; for a vacancy, that of the last heartbeat. ``height`` is the largest that the
    predecessor has signed as far as its record tells; None where nobody says it. ``end`` is when it ended, at the
    latest.
    """

    how: How
    index: int | None
    reason: str
    height: int | None
    end: End


def look(watch: Watch | None, seen: Seen, now: int, highest: int = 0) -> Watch:
    """The view after a read whose answer arrived at ``now``: any change starts the wait again.

    ``highest`` is the largest index that was ever seen: Consul counts all its writes, so that a smaller one is history,
    also where there was no key in between.
    """
    if watch is not None and _same(watch.seen, seen):
        return watch
    turned_back = seen.index is not None and seen.index < highest
    return Watch(seen, now, turned_back or (watch is not None and watch.turned_back and seen.released))


def _same(one: Seen, other: Seen) -> bool:
    if one.index is None and one.kept_index != other.kept_index:
        # Somebody has held the lease in between. Where there is a key, its own index tells.
        return False
    # A Consul that was restored on new servers counts on from the snapshot: an index comes a second time.
    return _written(one) == _written(other)


def _written(seen: Seen) -> tuple[int | None, str | None, LeaseRecord | None]:
    return seen.index, seen.session, seen.record or seen.claim


def opens_at(watch: Watch | None, settings: Settings, seen_lease_ms: int) -> int | None:
    """The instant from which this node may try to acquire the lease; None when time alone will not bring it.

    ``seen_lease_ms`` is the lease of the last holder that was seen here, or longer: where an operator has deleted its
    record, it may still sign for that long. A record that is there speaks for itself.
    """
    if watch is None:
        return None
    seen = watch.seen
    if seen.index is None or _offered(watch, settings):
        return watch.since
    remembered = seen.record is None or seen.record.state is LeaseState.VACANT or watch.turned_back
    silence_ms = max(settings.lease_ms, seen_lease_ms if remembered else 0)
    if is_own(seen, settings) and seen.released and not watch.turned_back:
        # Given away, and the one who was to take it does not: it is as free for us as it is for that one.
        return watch.since + settings.lease_ms // 2
    if seen.record is not None:
        # Not even a record without a live session is a short cut: an operator, or Consul, may have
        # destroyed the session of a holder that still signs.
        return watch.since + max(silence_ms, seen.record.lease_ms)
    if seen.claim is not None:
        # Whoever has written it: a holder that is hidden by it signs no longer than the leases that are known.
        return watch.since + silence_ms
    # kuutamod renews its session and leaves the record alone: silence says nothing of it.
    return None if seen.session is not None else watch.since + max(silence_ms, lease.FOREIGN_WAIT_MS)


def verdict(watch: Watch | None, settings: Settings, seen_lease_ms: int, now: int) -> Try | None:
    """How this node may try to acquire the lease at ``now``; None when it may not."""
    opens = opens_at(watch, settings, seen_lease_ms)
    if watch is None or opens is None or now < opens:
        return None
    seen, record = watch.seen, watch.seen.record
    if seen.index is None:
        height = seen.kept.height if seen.kept is not None else None
        return Try(How.VACANT, seen.kept_index, "there is no lease record", height, End(now))
    waited = f"for {(now - watch.since) / 1000:.1f} s"
    if seen.claim is not None:
        text = f"a record that is not to be believed has not changed {waited}"
        return Try(How.TAKEOVER, seen.index, text, None, End(now))
    if record is None:
        name = seen.holder or "a record that is not ours"
        return Try(How.TAKEOVER, seen.index, f"the session of {name} is gone {waited}", None, End(now))
    if seen.released:
        text = f"{seen.holder} has released it"
        if not _offered(watch, settings):
            text += f" to {record.handover_to or 'any node'}, and nobody takes it {waited}"
        end = End(now) if watch.turned_back else End(watch.since, record.chain_ms, record.final, said=True)
        return Try(How.RELEASED, seen.index, text, record.height, end)
    if record.state is LeaseState.VACANT:
        return Try(How.TAKEOVER, seen.index, f"the lease is vacant {waited}", record.height, End(now, record.chain_ms))
    return Try(How.TAKEOVER, seen.index, f"no heartbeat of {seen.holder} {waited}", record.height, ended(watch, now))


def ended(watch: Watch, now: int) -> End:
    """When the holder of a record that is silent has to be gone: its last heartbeat was asked for before the read."""
    record = watch.seen.record
    if record is None or watch.turned_back:
        return End(now)
    held = lease.longest_hold_ms(record.lease_ms)
    return End(min(now, watch.since + held), record.chain_ms + held if record.chain_ms else 0)


def is_own(seen: Seen, settings: Settings) -> bool:
    """Was the record written by this node?"""
    record = seen.record
    return record is not None and (record.node_id, record.hostname) == (settings.node_id, settings.hostname)


def _offered(watch: Watch, settings: Settings) -> bool:
    """Released, to any node or to this one; and not long ago, as far as can be seen."""
    seen = watch.seen
    if not seen.released or watch.turned_back or seen.record is None:
        return False
    return seen.record.handover_to in ("", settings.member_id)
