"""Plays events to the core, as the driver would, and says what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from near_ha.records.cluster import MemberStatus
from near_ha.records.lease_record import LeaseRecord, LeaseState
from near_ha.records.member_record import Member
from near_ha.records.states import State
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.facts.answer import YES, Answer, Kind
from near_supervisor.core.facts.doppelganger import Look
from near_supervisor.core.facts.lease_view import Seen
from near_supervisor.core.facts.model import Node
from near_supervisor.core.facts.settings import Settings, Strategy
from near_supervisor.core.facts.sync import Sample
from near_supervisor.core.machine import next_wakeup, step

D = 10_000
NO = Answer(Kind.NO, "failed session check")
UNKNOWN = Answer(Kind.UNKNOWN, "timed out")
SETTINGS = Settings(
    "a", "a", "host-a", "default", "ed25519:KEY", lease_ms=D, block_time_ms=600, strategy=Strategy.RESTART
)


def record(**changes: object) -> LeaseRecord:
    """The record of another node, ``b``, in term 7, at height 100."""
    base = LeaseRecord("b", "host-b", LeaseState.VALIDATING, D, 7, 1, 100, "ed25519:KEY")
    return replace(base, **changes)  # type: ignore[arg-type]


def released(**changes: object) -> Seen:
    return Seen(50, record(state=LeaseState.RELEASED, **changes), "b", None)


def held(index: int = 50, **changes: object) -> Seen:
    return Seen(index, record(**changes), "b", "session-b")


def claimed(index: int = 51, session: str | None = None, **changes: object) -> Seen:
    """What no member has signed: a release of a high term, a low height and a short lease, unless it says otherwise."""
    tempting = {"state": LeaseState.RELEASED, "term": 10**6, "height": 0, "lease_ms": 1, "seq": 10**9, "final": True}
    claim = record(**{**tempting, **changes})
    return Seen(index, None, claim.node_id, session, claim=claim, doubt="it is not signed")


def sample(height: int, target: int | None = None, **changes: object) -> Sample:
    base = Sample(height, syncing=False, head_age_ms=300, peers=4, target_height=target)
    return replace(base, **changes)  # type: ignore[arg-type]


def standby(name: str, **changes: object) -> MemberStatus:
    """A member that could take over from us."""
    base = Member(name, f"host-{name}", name, "Voting", True, "", 1_000, D, "ed25519:KEY")
    return MemberStatus(name, replace(base, **changes), f"session-{name}")  # type: ignore[arg-type]


@dataclass
class Play:
    """One supervisor and its clock. Every command that came out is kept, with its time.

    ``shows_chain``: neard shows its blocks as soon as it is asked, with nothing of this validator in them.
    """

    node: Node = field(default_factory=lambda: Node(SETTINGS))
    now: int = 1_000_000
    height: int = 1_000
    shows_chain: bool = True
    log: list[tuple[int, cmd.Command]] = field(default_factory=list)

    def do(self, event: ev.Event, after: int = 0) -> list[cmd.Command]:
        """Let ``after`` milliseconds pass, then the event happen; the commands that follow at once."""
        self.now += after
        self.node, out = step(self.node, event, self.now)
        self.log += [(self.now, command) for command in out]
        asked = self.one(cmd.ProbeChain, out)
        if isinstance(asked, cmd.ProbeChain) and self.shows_chain:
            out += self.do(ev.ChainProbed(asked.above, Look(asked.above, self.node.sync.height, None)))
        return out

    def wait(self, duration: int) -> list[cmd.Command]:
        """Wake the core whenever it wants to be woken, for ``duration`` milliseconds; nobody answers it."""
        until, out = self.now + duration, list[cmd.Command]()
        while (due := next_wakeup(self.node, self.now)) < until:
            self.now = due
            out += self.do(ev.Tick())
        self.now = until
        return out + self.do(ev.Tick())

    def poll(self, height: int | None = None, **changes: object) -> list[cmd.Command]:
        """neard answers with a head at ``height``, by default one block further than last time."""
        self.height = self.height + 1 if height is None else height
        return self.do(self.polled(sample(self.height, **changes)))  # type: ignore[arg-type]

    def polled(self, given: Sample | None, reason: str = "") -> ev.Polled:
        """The answer of the neard that runs, asked this very moment."""
        return ev.Polled(self.node.neard.pid if self.node.neard else 0, self.now, given, reason)

    def heartbeat(self, answer: Answer = YES) -> list[cmd.Command]:
        assert self.node.leadership is not None
        return self.do(ev.HeartbeatAnswered(self.node.leadership.term, self.now, answer))

    def two_heads(self, **changes: object) -> list[cmd.Command]:
        """The chain goes on for two blocks, so that a new holder's neard is above all that may have been signed."""
        out = []
        for _ in range(2):
            self.now += self.node.settings.block_time_ms
            out += self.poll(**changes)  # type: ignore[arg-type]
        return out

    # --- ways to a state

    def to_voting(self) -> Play:
        self.do(ev.Tick())
        self.do(ev.GuardReady())
        self.do(ev.NeardStarted(100, armed=False))
        self.poll()
        self.do(ev.ConfigSeen(paused=False))
        self.do(ev.Registered("session-a", self.now))
        assert self.node.state is State.VOTING
        return self

    def to_leadership(self) -> Play:
        """Holder of the lease by a clean release, above all that was signed; the first heartbeat is under way."""
        self.to_voting()
        assert self.one(cmd.Acquire, self.do(ev.LeaseSeen(released())))
        self.do(ev.AcquireAnswered(YES))
        self.two_heads(head_age_ms=0)
        return self

    def to_validating(self) -> Play:
        self.to_leadership()
        assert self.one(cmd.StopNeard, self.heartbeat())
        self.do(ev.NeardExited(100, "exit code 0"))
        self.do(ev.NeardStarted(200, armed=True))
        self.poll()
        assert self.node.state is State.VALIDATING
        return self

    @staticmethod
    def one(kind: type, out: list[cmd.Command]) -> cmd.Command | None:
        """The only command of ``kind`` in ``out``."""
        found = [command for command in out if isinstance(command, kind)]
        assert len(found) <= 1, found
        return found[0] if found else None

    def said(self) -> str:
        return "\n".join(command.message for _, command in self.log if isinstance(command, cmd.Log))
