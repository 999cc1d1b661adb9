"""A candidate's view of the lease, and its one question: may I try to acquire now?

Rules 2 and 3 of the safety rule. A stale or wrong view can cost time, never safety: each attempt is a
transaction that fails unless the record is still the one that was seen here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from near_ha.lease_record import LeaseRecord, LeaseState

from . import lease
from .settings import Settings


@dataclass(frozen=True)
class Seen:
    """The lease as one read showed it.

    ``index`` is the key's ModifyIndex, None when there is no key; ``record`` is None where the value is
    not one of ours; ``holder`` is who it names, for people; ``session`` locks the key, or None.
    """

    index: int | None
    record: LeaseRecord | None = None
    holder: str = ""
    session: str | None = None

    @property
    def foreign(self) -> bool:
        """A record that this project did not write: kuutamod's, or a person's."""
        return self.index is not None and self.record is None

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
class Wait:
    """Not now; ``until`` is None when time alone will not change it."""

    until: int | None


@dataclass(frozen=True)
class Try:
    """Now, in this way, at this index.

    ``height`` is the largest that the predecessor may have signed, by its record; None where nobody says it.
    """

    how: How
    index: int | None
    reason: str
    height: int | None


def look(watch: Watch | None, seen: Seen, now: int) -> Watch:
    """The view after a read whose answer arrived at ``now``: any change starts the wait again."""
    if watch is not None and (watch.seen.index, watch.seen.session) == (seen.index, seen.session):
        return watch
    before = watch.seen.index if watch is not None else None
    turned_back = before is not None and seen.index is not None and seen.index < before
    return Watch(seen, now, turned_back or (watch is not None and watch.turned_back and seen.released))


def verdict(watch: Watch | None, settings: Settings, seen_lease_ms: int, now: int) -> Wait | Try:
    """May this node try to acquire the lease at ``now``?

    ``seen_lease_ms`` is the longest lease that any record ever named here: a holder whose record an
    operator has deleted may still sign for that long.
    """
    if watch is None:
        return Wait(None)
    seen = watch.seen
    silence_ms = max(settings.lease_ms, seen_lease_ms)
    if seen.foreign:
        return _foreign(watch, silence_ms, now)
    if seen.record is None:
        return Try(How.VACANT, None, "there is no lease record", None)
    if seen.released:
        if seen.record.handover_to in ("", settings.member_id) and not watch.turned_back:
            return Try(How.RELEASED, seen.index, f"{seen.holder} has released it", seen.record.height)
        chosen = f"{seen.holder} has released it to {seen.record.handover_to or 'any node'}, and nobody takes it"
        return _after(watch, silence_ms, now, How.RELEASED, chosen)
    # Not even a record without a live session is a short cut: an operator, or Consul, may have
    # destroyed the session of a holder that still signs.
    silence_ms = max(silence_ms, seen.record.lease_ms)
    vacant = seen.record.state is LeaseState.VACANT
    quiet = "the lease is vacant" if vacant else f"no heartbeat of {seen.holder}"
    return _after(watch, silence_ms, now, How.TAKEOVER, quiet)


def _foreign(watch: Watch, silence_ms: int, now: int) -> Wait | Try:
    if watch.seen.session is not None:
        # kuutamod renews its session and leaves the record alone: silence says nothing of it.
        return Wait(None)
    name = watch.seen.holder or "a record that is not ours"
    silence_ms = max(silence_ms, lease.FOREIGN_WAIT_MS)
    return _after(watch, silence_ms, now, How.TAKEOVER, f"the session of {name} is gone")


def _after(watch: Watch, silence_ms: int, now: int, how: How, reason: str) -> Wait | Try:
    until = watch.since + silence_ms
    if now < until:
        return Wait(until)
    waited = f"{reason} for {(now - watch.since) / 1000:.1f} s"
    record = watch.seen.record
    known = record is not None and record.state is not LeaseState.VACANT
    return Try(how, watch.seen.index, waited, record.height if record and known else None)
