"""What the core wants done. The driver carries commands out and answers with events."""

from __future__ import annotations

from near_ha.records.history import Change
from near_ha.records.lease_record import LeaseRecord
from near_ha.records.switchover import Switchover

from .facts.consent import NOTHING, Reply
from .facts.leadership import SavedState
from .facts.lease_view import How
from .facts.values import dataclass


@dataclass(frozen=True)
class StartGuard:
    """Attach to the guard, starting one if there is none."""


@dataclass(frozen=True)
class StartNeard:
    """Start neard; armed (with the validator key) only with a deadline in hand.

    ``as_validator``: with the node key and network address of whoever validates; an armed one always is.
    """

    armed: bool
    deadline: int | None = None
    as_validator: bool = False


@dataclass(frozen=True)
class ArmNeard:
    """Give the validator key to neard ``pid``, which runs without it."""

    pid: int
    deadline: int


@dataclass(frozen=True)
class DisarmNeard:
    """Take the validator key away from neard ``pid`` while it runs; SIGKILL if the guard does not hear that it took."""

    pid: int


@dataclass(frozen=True)
class ConfirmDisarmed:
    """neard ``pid`` was seen without the key that was taken away from it: tell the guard, if it was that process."""

    pid: int


@dataclass(frozen=True)
class StopNeard:
    """Ask neard to stop; SIGKILL after ``patience_ms``, or where that is None after the configured stop timeout."""

    why: str
    patience_ms: int | None = None


@dataclass(frozen=True)
class KillNeard:
    """SIGKILL neard at once."""

    why: str


@dataclass(frozen=True)
class MoveDeadline:
    """Let the armed neard live until ``deadline``."""

    deadline: int


@dataclass(frozen=True)
class PollNeard:
    """Ask neard ``pid`` how it is; with ``metrics`` also how far it has signed, or would have with a key."""

    pid: int
    metrics: bool


@dataclass(frozen=True)
class Register:
    """Create a session and claim this node's member record with it."""


@dataclass(frozen=True)
class RenewSession:
    """Extend the session."""

    session: str


@dataclass(frozen=True)
class PublishMember:
    """Write this node's member record."""

    session: str
    state: str
    ready: bool
    reason: str
    height: int
    reasons: tuple[str, ...] = ()
    reply: Reply = NOTHING


@dataclass(frozen=True)
class ReadMembers:
    """Read the other nodes' member records."""


@dataclass(frozen=True)
class DropSession:
    """End a session and the member record with it: no late request of its leadership can be accepted any more."""

    session: str


@dataclass(frozen=True)
class MarkMissing:
    """Write a record that says that there was none, if there still is none.

    And if no heartbeat was accepted since the last one was read at ``kept_index`` (None = there was none).
    """

    record: LeaseRecord
    kept_index: int | None


@dataclass(frozen=True)
class Acquire:
    """Try to lock the lease under the condition that belongs to ``how``, and the lock of the validator key with it.

    The latter if it still is at ``key_index`` (None = there is no such key).
    """

    how: How
    index: int | None
    session: str
    record: LeaseRecord
    key_index: int | None = None


@dataclass(frozen=True)
class Heartbeat:
    """Write the record, if the lease is still locked by ``session``. The lease counts from ``at``."""

    at: int
    session: str
    record: LeaseRecord


@dataclass(frozen=True)
class Release:
    """Write the ``Released`` record and unlock, if the lease is still locked by ``session``."""

    session: str
    record: LeaseRecord


@dataclass(frozen=True)
class MoveRequest:
    """Write the switchover request, if it still is at ``index``. The driver adds the wall clock."""

    index: int
    request: Switchover


@dataclass(frozen=True)
class AskPreTakeover:
    """Ask this node's hook whether it may take over as ``request`` wants; no rule waits for the answer."""

    request: Switchover


@dataclass(frozen=True)
class ReadDuties:
    """Ask neard at which heights the validator makes no block and no chunk; ``asker`` tells the answers apart."""

    asker: str


@dataclass(frozen=True)
class ReadCounters:
    """Ask neard what the chain has counted of this validator, in ``term``."""

    term: int


@dataclass(frozen=True)
class ProbeChain:
    """Look for signatures of this validator in the blocks above ``above``; with ``counters`` also at those."""

    above: int
    counters: bool


@dataclass(frozen=True)
class ReadApprovals:
    """Look for this validator's own approvals in the blocks of others above ``above``, in ``term``."""

    term: int
    above: int


@dataclass(frozen=True)
class RecordSigningCheck:
    """Add to the history's entry of ``term`` what arrived on the chain."""

    term: int
    text: str


@dataclass(frozen=True)
class RecordLastWords:
    """Add to the history's entry of ``term`` what neard said last before it ended by itself."""

    term: int
    text: str


@dataclass(frozen=True)
class RecordChange:
    """Add it to the history, once for each term. The driver adds the wall clock."""

    change: Change


@dataclass(frozen=True)
class SaveState:
    """Keep it for a successor that re-attaches after a crash."""

    memory: SavedState


@dataclass(frozen=True)
class KeepIndex:
    """Keep it for the next process: the largest index of Consul that was seen, now and then; each new term at once."""

    index: int
    term: int


@dataclass(frozen=True)
class ClearState:
    """The leadership is over: there is nothing to take up again."""


@dataclass(frozen=True)
class Log:
    """One line for the log."""

    level: str
    message: str


@dataclass(frozen=True)
class Exit:
    """End the daemon; with ``detach`` the guard and its neard stay."""

    code: int
    detach: bool = False


LeaseCommand = MarkMissing | Acquire | Heartbeat | Release
MemberCommand = Register | RenewSession | DropSession | PublishMember | ReadMembers
ClusterCommand = MoveRequest | RecordChange | RecordSigningCheck | RecordLastWords
NeardCommand = PollNeard | ReadDuties | ReadCounters | ProbeChain | ReadApprovals
GuardCommand = (
    StartGuard
    | StartNeard
    | ArmNeard
    | DisarmNeard
    | ConfirmDisarmed
    | StopNeard
    | KillNeard
    | MoveDeadline
    | SaveState
    | ClearState
)
Command = (
    LeaseCommand
    | MemberCommand
    | ClusterCommand
    | NeardCommand
    | GuardCommand
    | AskPreTakeover
    | KeepIndex
    | Log
    | Exit
)
"""Each is for one adapter, which a type checker sees carry all of its own out (``assert_never``)."""
