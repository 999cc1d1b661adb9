"""A leadership: how it is asked for, what it is, and what is kept of it for the next process."""

from __future__ import annotations

from enum import Enum

from near_ha.records.history import Change, Kind

from .chain_clock import ChainClock
from .heads import End
from .lease_view import How
from .values import dataclass, replace


@dataclass(frozen=True)
class SavedState:
    """What a successor needs to go on with a running signer after a crash of this process.

    ``floor`` is the height above which it signs. ``clock`` is how the clock of the chain read, a little earlier.
    ``answered``: the signer has, so that its silence means that it hangs. ``skip_ms`` is after which time it gives a
    height up (0 = an older version has not kept it).
    """

    session: str
    term: int
    floor: int
    clock: ChainClock | None = None
    answered: bool = False
    skip_ms: int = 0

    @property
    def tag(self) -> str:
        """What the guard is given with an armed neard, to prove that it belongs to this term."""
        return f"{self.session}/{self.term}"


@dataclass(frozen=True)
class Takeover:
    """How a leadership began: whom it follows, why, and since when (boot time) that one may not have signed any more.

    ``unsigned_ms`` is for how long nobody had signed by then, where that one never came to it. ``request`` is the id of
    the switchover that asked for it, or "".
    """

    kind: Kind
    predecessor: str
    since: int
    reason: str
    request: str = ""
    unsigned_ms: int = 0

    def unsigned_for(self, now: int) -> int:
        """For how long nobody has signed at ``now``, milliseconds, if this leadership has not."""
        return max(0, now - self.since) + self.unsigned_ms

    def change(self, term: int, node_id: str, reason: str, gap_ms: int | None = None, request: str = "") -> Change:
        """The entry of this leadership in the history; the driver adds the wall clock."""
        return Change(term, node_id, self.kind, 0, self.predecessor, gap_ms, reason, request)


@dataclass(frozen=True)
class Attempt:
    """An acquisition that was asked for and whose outcome is not known yet; the rest is as in the leadership."""

    how: How
    index: int | None
    term: int
    floor: int
    end: End
    takeover: Takeover | None = None


class Place(Enum):
    """With whose node key and address neard is to run: those of whoever validates, or its host's own again."""

    VALIDATORS = "the validator's"
    OWN_AGAIN = "own again"


@dataclass(frozen=True)
class Move:
    """Strategy kuutamod: neard is started anew without the key before it gets it. ``to`` is where it is to run.

    ``started``: it was, since it is to run there. ``peers`` are so many that it has to find, as it had so many before.
    """

    to: Place
    peers: int
    started: bool = False


@dataclass(frozen=True)
class Floor:
    """Above ``height`` this node may sign, as far as it is known now; ``least`` is what it is whatever heads show.

    (By the record, and by the doppelganger check.) ``end`` is until when the predecessor may have signed (None = it was
    accounted for before a crash of this process), ``accounted``: the floor has all that it may have signed.
    """

    height: int
    end: End | None = None
    least: int = 0
    accounted: bool = False

    @property
    def told(self) -> bool:
        """Has the predecessor looked how far it came, so that the floor is all that it has signed, and no more?"""
        return self.end is not None and self.end.told

    @property
    def clear_at(self) -> int:
        """The height that the own head has to reach: neard signs above its head.

        What is only concluded from heads leaves no room for a block that the predecessor alone had, nor for one whose
        producer's clock is ahead: one more has to be there.
        """
        return self.height if self.told else self.height + 1


@dataclass(frozen=True)
class Release:
    """That the lease is to be given back, and why ("" = it is not); ``successor`` is to which member ("" = to any)."""

    reason: str = ""
    successor: str = ""
    under_way: bool = False
    next_at: int = 0


@dataclass(frozen=True)
class Leadership:
    """This node holds the lease, as far as it knows.

    ``takeover`` is None where a crash has lost it. ``deadline`` is None until a heartbeat of this term has succeeded.
    ``cleared`` once rule 4 held in this term; what is waited for was said last ``said_at``. ``overruled`` says what an
    operator has overruled so that this node signs ("" = nothing). ``by_restart``: neard is started anew with the key,
    ``move``: without it. ``was_armed`` once neard may have signed in this term, ``signs_at`` is when it was first seen
    to; ``signed`` is the largest height that neard has signed, as far as it said, ``wrote`` the same by its database
    (None = not told), ``last_words`` what it said before it ended by itself ("" = it has not, or said nothing).
    ``kept`` is what the next process would find after a crash.
    """

    session: str
    term: int
    floor: Floor
    since: int
    heartbeat_at: int
    beating: bool = False
    deadline: int | None = None
    takeover: Takeover | None = None
    cleared: bool = False
    said_at: int | None = None
    overruled: str = ""
    by_restart: bool = False
    move: Move | None = None
    was_armed: bool = False
    signs_at: int | None = None
    signed: int = 0
    wrote: int | None = None
    last_words: str = ""
    kept: SavedState | None = None
    release: Release = Release()

    def to_be_released(self, reason: str, successor: str | None = None) -> Leadership:
        """The same, and the lease is to be given back; to whom else than before only where ``successor`` is given."""
        to = self.release.successor if successor is None else successor
        return replace(self, release=replace(self.release, reason=reason, successor=to))
