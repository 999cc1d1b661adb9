"""Everything one supervisor knows, as one immutable value, by subject."""

from __future__ import annotations

from near_ha.records.cluster import MemberStatus
from near_ha.records.lease_record import LeaseRecord
from near_ha.records.states import State
from near_ha.records.switchover import Switchover

from .approvals import Approvals, Silence
from .chain_clock import ChainClock
from .consent import Consent, Reply
from .doppelganger import Doppelganger
from .heads import Heads
from .host import UNKNOWN, Host, RunDir
from .key_lock import KeyWatch
from .leadership import Attempt, Leadership
from .lease_view import Watch
from .listing import Listing
from .maintenance_window import Duties
from .neard import Crash, Guard, Neard
from .other_locks import OtherLock
from .settings import Settings
from .signing_check import SigningCheck
from .sync import NOT_SYNCED, Sync
from .values import dataclass, replace


@dataclass(frozen=True)
class Starts:
    """Of neard: ``under_way`` is one that the guard was asked for (``armed``: with the key).

    ``next_at`` is when another one may be asked for. ``failures`` are starts in a row that came to nothing,
    ``refusals`` those that the guard would not make, ``ends`` how many neards have ended since this process began,
    ``crash`` how the last one ended, if nobody had told it to.
    """

    under_way: bool = False
    armed: bool = False
    next_at: int = 0
    failures: int = 0
    refusals: int = 0
    ends: int = 0
    crash: Crash | None = None


@dataclass(frozen=True)
class Poll:
    """Whether neard is being asked how it is, and when it was asked last."""

    under_way: bool = False
    asked_at: int | None = None


@dataclass(frozen=True)
class ChainView:
    """What neard's answers show of the chain.

    ``pace_ms`` is how long it takes for a height, ``rate_ms`` how long at the least (None = too few heads were seen),
    ``listing`` with which keys it lists the validator (None = not known).
    """

    heads: Heads = ()
    clock: ChainClock | None = None
    pace_ms: int | None = None
    rate_ms: int | None = None
    listing: Listing | None = None


@dataclass(frozen=True)
class Session:
    """This node's Consul session. It serves one leadership at the most."""

    id: str
    renew_at: int
    renewing: bool = False


@dataclass(frozen=True)
class Membership:
    """How this node becomes a member and what it has said as one.

    ``registering``: it asks for a session, ``register_at`` is when it may do so again, ``taken_since`` since when its
    name is another one's, and ``taken_by`` names both, a clause for people ("" = it is not).
    """

    registering: bool = False
    register_at: int = 0
    taken_since: int | None = None
    taken_by: str = ""
    published: tuple[State, bool, tuple[str, ...], Reply] | None = None
    publish_at: int = 0

    def over(self) -> Membership:
        """Its session is gone: it may ask for another one at once, in which it has said nothing yet."""
        return replace(self, published=None, register_at=0)


@dataclass(frozen=True)
class Consul:
    """How Consul answers: last at ``heard_at``, not at all since ``silent_since``.

    ``heartbeat_ms`` is how long the last answered heartbeat took (None = there was none); that this is long was said
    last ``slow_said_at``.
    """

    silent_since: int | None = None
    heard_at: int | None = None
    heartbeat_ms: int | None = None
    slow_said_at: int | None = None


@dataclass(frozen=True)
class Candidate:
    """What a node without the lease sees of it, and does to get it.

    ``key_lock`` is what it sees of the lock of its validator key (None = it has not looked), ``objection`` what stands
    against the record that it saw last. ``attempt`` was asked for and has no known outcome, ``acquiring`` until Consul
    has answered or failed to.
    """

    watch: Watch | None = None
    key_lock: KeyWatch | None = None
    objection: str = ""
    attempt: Attempt | None = None
    acquiring: bool = False
    acquire_at: int = 0


@dataclass(frozen=True)
class Believed:
    """What records are measured by.

    ``known`` is the newest one of a holder that was believed since this process began (None = none was), ``height``,
    ``lease_ms`` and ``index`` are the highest that were seen; ``kept_index`` and ``kept_term`` are what the next
    process would begin with. ``doubt_said_at`` is when it was said last that a record is not to be believed.
    """

    known: LeaseRecord | None = None
    height: int = 0
    lease_ms: int = 0
    index: int = 0
    kept_index: int = 0
    kept_term: int = 0
    keep_at: int = 0
    doubt_said_at: int | None = None


@dataclass(frozen=True)
class EarlyEnds:
    """Of leaderships: ``flaps`` in a row ended early, ``failures`` of them came to nothing, or to less than a lease.

    Until ``cool_until`` others go first.
    """

    flaps: int = 0
    failures: int = 0
    cool_until: int = 0


@dataclass(frozen=True)
class Cluster:
    """The other members, as a read showed them that began at ``read_at``; ``next_at`` is when they may be read again.

    ``standby_ready``: another one could take over, ``standby_equal``: and no worse than this node. ``other_locks`` are
    the leases of other names that are held. ``paused`` is None until it was seen. ``looks_at`` is when a standby looks
    at them next.
    """

    members: tuple[MemberStatus, ...] = ()
    read_at: int | None = None
    reading: bool = False
    next_at: int = 0
    standby_ready: bool = False
    standby_equal: bool = False
    other_locks: tuple[OtherLock, ...] = ()
    paused: bool | None = None
    looks_at: int = 0


@dataclass(frozen=True)
class DutiesReading:
    """neard was asked when no block is owed. ``duties`` None: it did not say, for a reason.

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
class SwitchoverView:
    """The request to switch over, in its phase since ``since``; ``index`` is None while only our own change is known.

    ``moving`` is a change that is under way, ``move_at`` when another one may be made. ``consent`` is what this node's
    hook says to the last request that it was asked about.
    """

    request: Switchover | None = None
    index: int | None = None
    since: int = 0
    moving: Switchover | None = None
    move_at: int = 0
    consent: Consent | None = None


@dataclass(frozen=True)
class Signing:
    """Whether what this node signs arrives.

    ``check`` is what the chain has counted in its last term (``checking``: it is being asked), ``made`` what its neard
    counts itself (blocks, chunks; None = it does not say). ``approvals`` is what the blocks of others show of it,
    ``silence`` that they show none, or cannot; ``made_room_at`` is when it gave the lease up for that last.
    """

    check: SigningCheck | None = None
    check_at: int = 0
    checking: bool = False
    made: tuple[int, int] | None = None
    approvals: Approvals | None = None
    approvals_at: int = 0
    silence: Silence | None = None
    made_room_at: int | None = None


@dataclass(frozen=True)
class HotFailures:
    """Of hot takeovers in a row, until this node has signed since: why the last one failed ("" = none has)."""

    reason: str = ""
    count: int = 0


@dataclass(frozen=True)
class Notice:
    """The reason ``name`` speaks against a take-over since then; it was said last ``said_at`` (None = not yet)."""

    name: str
    since: int
    said_at: int | None = None


@dataclass(frozen=True)
class Closing:
    """The daemon is on its way out: with which exit status, since when, leaving neard or not."""

    code: int
    since: int
    detach: bool = False
    force_kill: bool = False
    left: bool = False


@dataclass(frozen=True)
class Node:
    """The facts of one supervisor; ``*_at`` fields are the next time something is due.

    ``guard_problem`` is why the last attempt to attach to a guard failed ("" = it did not).
    ``signer_ended_at`` is when the last neard that may have signed had ended, or had given its key up.
    ``doppelganger`` is what the chain shows of others with this key before this node signs. ``against`` names what
    speaks against a take-over of this node (``readiness``), as of the last step. That the run directory is gone was
    said last ``run_dir_said_at``.
    """

    settings: Settings
    state: State = State.STARTUP
    closing: Closing | None = None
    # The processes of this host.
    guard: Guard = Guard.DOWN
    guard_at: int = 0
    guard_problem: str = ""
    neard: Neard | None = None
    starts: Starts = Starts()
    poll: Poll = Poll()
    signer_ended_at: int | None = None
    hot: HotFailures = HotFailures()
    host: Host = UNKNOWN
    run_dir: RunDir = RunDir()
    run_dir_said_at: int = 0
    # The chain.
    sync: Sync = NOT_SYNCED
    chain: ChainView = ChainView()
    doppelganger: Doppelganger | None = None
    signing: Signing = Signing()
    # Consul, and the lease in it.
    consul: Consul = Consul()
    session: Session | None = None
    membership: Membership = Membership()
    candidate: Candidate = Candidate()
    believed: Believed = Believed()
    leadership: Leadership | None = None
    last_term: int = 0
    early_ends: EarlyEnds = EarlyEnds()
    # The cluster.
    cluster: Cluster = Cluster()
    switchover: SwitchoverView = SwitchoverView()
    duties: DutiesReading | None = None
    against: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()

    @property
    def armed(self) -> bool:
        """Does a neard that may sign exist, or might one be starting?"""
        return self.starts.armed or (self.neard is not None and self.neard.armed)

    @property
    def promoting(self) -> bool:
        """On the way from standby to armed, cleared or moving: a neard missing in between is no failure."""
        leadership = self.leadership
        return (
            leadership is not None
            and not leadership.release.reason
            and (leadership.cleared or leadership.move is not None)
        )

    @property
    def is_moving(self) -> bool:
        """Is its neard started anew without the key, to be given it?"""
        return self.promoting and not self.armed and self.leadership is not None and self.leadership.move is not None
