"""What can happen: facts from outside, each at a time that the driver passes along."""

from __future__ import annotations

from near_ha.records.cluster import MemberStatus
from near_ha.records.switchover import Switchover

from .facts.answer import Answer
from .facts.approvals import Own
from .facts.doppelganger import Look
from .facts.host import Host, RunDir
from .facts.leadership import SavedState
from .facts.lease_view import Seen
from .facts.listing import Listing
from .facts.maintenance_window import Duties
from .facts.other_locks import OtherLock
from .facts.signing_check import Counted
from .facts.sync import Sample
from .facts.values import dataclass
from .facts.work import Work


@dataclass(frozen=True)
class Tick:
    """Time has passed."""


@dataclass(frozen=True)
class GuardReady:
    """The guard is attached; it owns the neard ``pid``, or none. ``deadline`` is set when armed.

    ``as_validator``: that neard has the node key and address that the hosts share for whoever validates.

    ``memory`` is there when the guard's armed neard, running or ended, belongs to the term that the
    process before us remembered; ``ended`` says how that neard ended, waited for by the guard, ``last_words`` what it
    said before, if it ended by itself.
    """

    pid: int | None = None
    armed: bool = False
    deadline: int | None = None
    memory: SavedState | None = None
    ended: str = ""
    last_words: str = ""
    as_validator: bool = False


@dataclass(frozen=True)
class GuardFailed:
    """The guard could not be started or reached."""

    reason: str


@dataclass(frozen=True)
class GuardLost:
    """The guard's socket closed. It is dead, or soon killed, and the kernel kills the neard it owned."""


@dataclass(frozen=True)
class NeardStarted:
    """The guard has started a neard; ``as_validator``: with the node key and address of whoever validates."""

    pid: int
    armed: bool
    as_validator: bool = False


@dataclass(frozen=True)
class NeardRefused:
    """The guard did not start a neard, and says why."""

    reason: str


@dataclass(frozen=True)
class NeardArmed:
    """The guard has put the key in place for neard ``pid``, and told it so."""

    pid: int


@dataclass(frozen=True)
class ArmRefused:
    """The guard did not, or not in full, give the key to neard ``pid``, and says why."""

    pid: int
    reason: str


@dataclass(frozen=True)
class NeardDisarmed:
    """The guard has let neard ``pid`` go on without the key: it is armed no more."""

    pid: int


@dataclass(frozen=True)
class DisarmRefused:
    """The guard did not, or nobody can tell that neard ``pid`` has given its key up, and why."""

    pid: int
    reason: str


@dataclass(frozen=True)
class NeardExited:
    """neard is gone for certain: waitpid() returned, or its pidfd says so after the guard's death.

    ``last_words`` is what it said before, in one line, if it ended by itself and said anything. Above the height
    ``signed`` it has signed nothing, by its own database (None = that does not tell).
    """

    pid: int
    how: str
    last_words: str = ""
    signed: int | None = None


@dataclass(frozen=True)
class Polled:
    """neard ``pid``, asked at ``asked_at``, answered with ``sample``, or did not (None) for the ``reason``.

    ``work`` is what one that did not has done since it began (None = the kernel does not tell).
    """

    pid: int
    asked_at: int
    sample: Sample | None
    reason: str = ""
    work: Work | None = None


@dataclass(frozen=True)
class HostSeen:
    """The machine was looked at."""

    host: Host


@dataclass(frozen=True)
class RunDirSeen:
    """The run directory was looked at, and is not as it was."""

    run_dir: RunDir


@dataclass(frozen=True)
class Registered:
    """A session was created and this node's member record claimed with it."""

    session: str
    sent_at: int


@dataclass(frozen=True)
class RegisterFailed:
    """No session and no claim; ``refused`` when Consul said no rather than nothing."""

    reason: str
    refused: bool = False


@dataclass(frozen=True)
class NodeIdTaken:
    """Another live node goes by this node's id."""

    holder: str


@dataclass(frozen=True)
class SessionRenewed:
    """The answer to a renewal sent at ``sent_at``."""

    session: str
    sent_at: int
    answer: Answer


@dataclass(frozen=True)
class LeaseSeen:
    """The lease was read."""

    seen: Seen


@dataclass(frozen=True)
class LeaseReadFailed:
    """The lease could not be read."""

    reason: str


@dataclass(frozen=True)
class AcquireAnswered:
    """The answer to an attempt to acquire the lease."""

    answer: Answer


@dataclass(frozen=True)
class MissingMarked:
    """The answer to an attempt to note that there is no lease record."""

    answer: Answer


@dataclass(frozen=True)
class HeartbeatAnswered:
    """The answer to the heartbeat that the core asked for at ``sent_at``, in ``term``."""

    term: int
    sent_at: int
    answer: Answer


@dataclass(frozen=True)
class ReleaseAnswered:
    """The answer to a release."""

    answer: Answer


@dataclass(frozen=True)
class MembersSeen:
    """All members but this node, read after ``asked_at``; None when they could not be read.

    ``locks`` are the leases of other names that are held, at the same time; None when nobody knows.
    """

    asked_at: int
    members: tuple[MemberStatus, ...] | None
    locks: tuple[OtherLock, ...] | None = None


@dataclass(frozen=True)
class ConfigSeen:
    """Is the cluster paused? None when the value cannot be understood: what was known stays."""

    paused: bool | None


@dataclass(frozen=True)
class RequestSeen:
    """The switchover request as one read showed it, at ModifyIndex ``index``; None when there is none to understand.

    ``turned_back``: Consul's history was replaced by an older one, so that a smaller index is no older read.
    """

    index: int
    request: Switchover | None
    turned_back: bool = False


@dataclass(frozen=True)
class RequestMoved:
    """The answer to an attempt to move the request ``id``. *No*: somebody else has moved it."""

    id: str
    answer: Answer


@dataclass(frozen=True)
class PreTakeoverAnswered:
    """What the hook said to the request ``id``; that it could not be asked, or was too slow, is a no."""

    id: str
    go: bool
    reason: str = ""


@dataclass(frozen=True)
class DutiesSeen:
    """What neard said to this ``asker``; None when it did not, for a ``reason``."""

    asker: str
    duties: Duties | None
    reason: str = ""


@dataclass(frozen=True)
class CountersSeen:
    """What the chain has counted of this validator, asked in ``term``; None when neard did not say."""

    term: int
    counted: Counted | None


@dataclass(frozen=True)
class ChainProbed:
    """What neard showed of the blocks above ``above``; None when it did not."""

    above: int
    look: Look | None


@dataclass(frozen=True)
class ApprovalsSeen:
    """What neard showed of this validator's own approvals, asked in ``term``; None when it did not."""

    term: int
    own: Own | None


@dataclass(frozen=True)
class ListingSeen:
    """With which keys the chain lists the validator; None when neard did not tell."""

    listing: Listing | None


@dataclass(frozen=True)
class StopAsked:
    """A person or the system wants this node to stop. Asking twice hurries it."""

    why: str


@dataclass(frozen=True)
class DetachAsked:
    """Leave guard and neard running and go, for an upgrade."""


Event = (
    Tick
    | GuardReady
    | GuardFailed
    | GuardLost
    | NeardStarted
    | NeardRefused
    | NeardArmed
    | ArmRefused
    | NeardDisarmed
    | DisarmRefused
    | NeardExited
    | Polled
    | HostSeen
    | RunDirSeen
    | Registered
    | RegisterFailed
    | NodeIdTaken
    | SessionRenewed
    | LeaseSeen
    | LeaseReadFailed
    | AcquireAnswered
    | MissingMarked
    | HeartbeatAnswered
    | ReleaseAnswered
    | MembersSeen
    | ConfigSeen
    | RequestSeen
    | RequestMoved
    | PreTakeoverAnswered
    | DutiesSeen
    | CountersSeen
    | ChainProbed
    | ApprovalsSeen
    | ListingSeen
    | StopAsked
    | DetachAsked
)
