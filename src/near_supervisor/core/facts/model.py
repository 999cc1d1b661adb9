"""Everything one supervisor knows, as one immutable value."""

from __future__ import annotations

from enum import Enum

from near_ha.records.cluster import MemberStatus
from near_ha.records.history import Change, Kind
from near_ha.records.lease_record import LeaseRecord
from near_ha.records.states import State
from near_ha.records.switchover import Switchover

from .approvals import Approvals, Silence
from .chain_clock import Tip
from .doppelganger import Doppelganger
from .heads import End, Heads
from .host import UNKNOWN, Host, RunDir
from .key_lock import KeyWatch
from .lease_view import How, Watch
from .listing import Listing
from .maintenance_window import Duties
from .other_locks import OtherLock
from .settings import Settings
from .signing_check import Proof
from .sync import NOT_SYNCED, Sync
from .values import dataclass


class Guard(Enum):
    """``ATTACHING`` while an attempt is under way."""

    DOWN = "down"
    ATTACHING = "attaching"
    READY = "ready"


@dataclass(frozen=True)
class Neard:
    """The neard process that the guard owns.

    ``ending`` says why it was told to go ("" = it was not), ``faulty`` that it never became ready.
    ``shows_key``: it says of itself that it has loaded a validator key, ``other_key`` that it is another one than ours
    ("" = it is not, or it does not say). ``key_given_at`` is when it was given one while it ran (``arming``: the guard
    has not said yet that the key is in place), ``key_taken_at`` when that was taken away again (``key_is_gone``: it
    shows none since, and the guard was told so), ``keyless_at`` when the guard had heard of that: from then on it is a
    standby that has signed.
    ``catches_hangup``: the kernel says that a SIGHUP does not kill it.
    ``as_validator``: it runs with the node key and the address that the hosts share for whoever validates.
    ``target`` is the largest height that this process would have approved with a key, when it was asked for that while
    it had none (0 = it was not, or does not tell).
    ``answered_at`` is when it answered first, ``silent_since`` when it first failed to answer after its last answer,
    ``misses`` how often since.
    """

    pid: int
    armed: bool
    started_at: int
    answered: bool = False
    ending: str = ""
    killed: bool = False
    faulty: bool = False
    shows_key: bool = False
    other_key: str = ""
    answered_at: int = 0
    key_given_at: int | None = None
    arming: bool = False
    key_taken_at: int | None = None
    key_is_gone: bool = False
    keyless_at: int | None = None
    version: str = ""
    chain_id: str = ""
    misses: int = 0
    silent_since: int | None = None
    as_validator: bool = False
    catches_hangup: bool = False
    target: int = 0


@dataclass(frozen=True)
class Session:
    """This node's Consul session. It serves one leadership at the most."""

    id: str
    renew_at: int
    renewing: bool = False


@dataclass(frozen=True)
class SavedState:
    """What a successor needs to go on with a running signer after a crash of this process.

    ``floor`` is the height above which it signs. ``tip`` is how the clock of the chain read, a little earlier.
    ``answered``: the signer has, so that its silence means that it hangs. ``skip_ms`` is after which time it gives a
    height up (0 = an older version has not kept it).
    """

    session: str
    term: int
    floor: int
    tip: Tip | None = None
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
class Leadership:
    """This node holds the lease, as far as it knows.

    ``floor`` is the height above which this node may sign, as far as it is known now, ``least`` what it is whatever
    heads show (by the record, and by the doppelganger check), ``end`` until when the predecessor may have signed
    (None = it was accounted for before a crash of this process), ``accounted`` whether the floor has all that it may
    have signed; ``signed`` is the largest height that neard has signed, as far as it said, ``wrote`` the same by its
    database (None = not told); ``kept`` is what the next process would find after a crash; ``deadline`` is None until
    a heartbeat of this term has succeeded; ``cleared`` once rule 4 held in this term; ``release_reason`` says why the
    lease is to be released ("" = it is not), ``successor`` to which member ("" = to any); ``was_armed`` once neard may
    have signed in this term; ``signs_at`` is when it was first seen to; ``takeover`` is None where a crash has lost it;
    ``overruled`` says what an operator has overruled so that this node signs ("" = nothing); ``by_restart``: neard is
    started anew with the key; ``move``: it is without; ``last_words`` is what neard said before it ended by itself (""
    = it has not, or said nothing).
    """

    session: str
    term: int
    floor: int
    end: End | None
    since: int
    heartbeat_at: int
    accounted: bool = False
    least: int = 0
    signed: int = 0
    wrote: int | None = None
    kept: SavedState | None = None
    deadline: int | None = None
    beating: bool = False
    cleared: bool = False
    was_armed: bool = False
    release_reason: str = ""
    releasing: bool = False
    release_at: int = 0
    said_at: int | None = None
    successor: str = ""
    signs_at: int | None = None
    takeover: Takeover | None = None
    overruled: str = ""
    by_restart: bool = False
    last_words: str = ""
    move: Move | None = None

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
        return self.floor if self.told else self.floor + 1


@dataclass(frozen=True)
class DutiesReading:
    """neard was asked when no block is owed. ``duties`` None: it did not tell, for a reason.

    ``asker`` is the id of a request to switch over, or the term that this node begins. ``waits_for`` is the height that
    is waited for and was told to whoever made the request (0 = none).
    """

    asker: str
    asked_at: int
    answered: bool = False
    duties: Duties | None = None
    reason: str = ""
    waits_for: int = 0


@dataclass(frozen=True)
class Closing:
    """The daemon is on its way out: with which exit status, since when, leaving neard or not."""

    code: int
    since: int
    detach: bool = False
    force_kill: bool = False
    left: bool = False


@dataclass(frozen=True)
class Notice:
    """The reason ``name`` speaks against a take-over since then; it was said last ``said_at`` (None = not yet)."""

    name: str
    since: int
    said_at: int | None = None


@dataclass(frozen=True)
class Node:
    """The facts of one supervisor; ``*_at`` fields are the next time something is due.

    ``paused`` is None until it was seen. ``request`` was in its phase since ``request_at``; ``request_index`` is None
    while only our own change of it is known; ``moving`` is a change that is under way. ``members`` are the other ones,
    as a read showed them that began at ``members_read_at``. ``flaps`` counts leaderships in a row that ended early,
    ``failures`` those of them that came to nothing, or to less than a lease, by themselves.
    ``consul_heard_at`` is when Consul answered last, ``consul_silent_since`` since when it does not.
    ``heartbeat_ms`` is how long the last answered one took (None = there was none); that this is long was said last
    ``slow_said_at``. ``proof`` is what the chain has counted of this node's last term, ``made`` what its neard counts
    itself (blocks, chunks; None = it does not say). ``doppelganger`` is what the chain shows of others with this key
    before this node signs. ``approvals`` is what the blocks show of its own approvals, ``silence`` that they show
    none, or cannot; ``made_room_at`` is when it gave the lease up for that last. ``standby_ready``: another member
    could take over, ``standby_equal``: and no worse than this one.
    ``other_locks`` are the leases of other names that are held. ``key_lock`` is what a candidate sees of the lock of
    its validator key (None = it has not looked), ``listing`` with which keys the chain lists it (None = not known).
    ``pace_ms`` is how long the chain takes for a height, ``rate_ms`` how long at the least (None = too few heads were
    seen).
    ``known`` is the newest record of a holder that was believed since this process began (None = none was),
    ``kept_index`` and ``kept_term`` are what the next process would begin with. ``doubt_said_at`` is when it was said
    last that a record is not to be believed.
    That the run directory is gone was said last ``run_dir_said_at``.
    ``against`` names what speaks against a take-over of this node (``readiness``), as of the last step.
    ``hot_failed`` says why the last hot takeover failed ("" = none has, or one is under way again), ``hot_failures``
    how many did in a row; both until this node has signed since.
    """

    settings: Settings
    state: State = State.STARTUP
    guard: Guard = Guard.DOWN
    guard_at: int = 0
    neard: Neard | None = None
    starting: bool = False
    starting_armed: bool = False
    start_at: int = 0
    attempts: int = 0
    refusals: int = 0
    restarts: int = 0
    neard_ended_at: int | None = None
    sync: Sync = NOT_SYNCED
    heads: Heads = ()
    tip: Tip | None = None
    polling: bool = False
    polled_at: int | None = None
    session: Session | None = None
    registering: bool = False
    register_at: int = 0
    taken_since: int | None = None
    watch: Watch | None = None
    key_lock: KeyWatch | None = None
    listing: Listing | None = None
    pace_ms: int | None = None
    rate_ms: int | None = None
    attempt: Attempt | None = None
    acquiring: bool = False
    acquire_at: int = 0
    leadership: Leadership | None = None
    last_term: int = 0
    known: LeaseRecord | None = None
    seen_height: int = 0
    seen_lease_ms: int = 0
    seen_index: int = 0
    kept_index: int = 0
    kept_term: int = 0
    keep_index_at: int = 0
    doubt_said_at: int | None = None
    members_at: int = 0
    reading_members: bool = False
    standby_ready: bool = False
    standby_equal: bool = False
    members: tuple[MemberStatus, ...] = ()
    members_read_at: int | None = None
    other_locks: tuple[OtherLock, ...] = ()
    paused: bool | None = None
    request: Switchover | None = None
    request_index: int | None = None
    request_at: int = 0
    moving: Switchover | None = None
    duties: DutiesReading | None = None
    move_at: int = 0
    flaps: int = 0
    failures: int = 0
    cool_until: int = 0
    published: tuple[State, bool, tuple[str, ...], str] | None = None
    publish_at: int = 0
    consul_silent_since: int | None = None
    consul_heard_at: int | None = None
    heartbeat_ms: int | None = None
    slow_said_at: int | None = None
    objection: str = ""
    hot_failed: str = ""
    hot_failures: int = 0
    host: Host = UNKNOWN
    run_dir: RunDir = RunDir()
    run_dir_said_at: int = 0
    proof: Proof | None = None
    proof_at: int = 0
    made: tuple[int, int] | None = None
    proof_reading: bool = False
    doppelganger: Doppelganger | None = None
    approvals: Approvals | None = None
    approvals_at: int = 0
    silence: Silence | None = None
    made_room_at: int | None = None
    against: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    standby_looks_at: int = 0
    closing: Closing | None = None

    @property
    def armed(self) -> bool:
        """Does a neard that may sign exist, or might one be starting?"""
        return self.starting_armed or (self.neard is not None and self.neard.armed)

    @property
    def promoting(self) -> bool:
        """On the way from standby to armed, cleared or moving: a neard missing in between is no failure."""
        leadership = self.leadership
        return (
            leadership is not None
            and not leadership.release_reason
            and (leadership.cleared or leadership.move is not None)
        )

    @property
    def is_moving(self) -> bool:
        """Is its neard started anew without the key, to be given it?"""
        return self.promoting and not self.armed and self.leadership is not None and self.leadership.move is not None
