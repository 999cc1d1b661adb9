"""One supervisor process: the real core, and the workers of its driver as a model."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from near_ha.records.lease_record import LeaseRecord, one_leadership
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.facts import lease
from near_supervisor.core.facts.answer import YES, Answer, Kind
from near_supervisor.core.facts.doppelganger import Look, Mark
from near_supervisor.core.facts.duty import Duty
from near_supervisor.core.facts.maintenance_window import Duties
from near_supervisor.core.facts.model import Believed, Node
from near_supervisor.core.facts.signing_check import Counted
from near_supervisor.core.machine import next_wakeup, step

from . import hook
from .lease_worker import LeaseWorker
from .request_watch import WishWatch
from .world import Violation

if TYPE_CHECKING:
    from .host import Host

SLOW_TIMEOUT_MS = 3_000
STOP_TIMEOUT_MS = 6_000
DISARM_MS = 500
NEARD_TIMEOUT_MS = 1_000

TICK = ev.Tick()


class Supervisor:
    """A process that may crash between two commands, and stand still for any time."""

    def __init__(self, host: Host) -> None:
        self._host, self._world, self._link, self._clock = host, host.world, host.link, host.clock
        self.node = Node(
            host.settings, last_term=host.kept_term, believed=Believed(kept_term=host.kept_term, index=host.kept_index)
        )
        # Of requests about the session; without a far Consul, three seconds are as good as what the driver gives them.
        self.session_timeout_ms = SLOW_TIMEOUT_MS
        self.alive = True
        self.paused = False
        self.crash_chance = 0.0
        self._backlog: deque[ev.Event] = deque()
        self._wake_at = -1
        self._worker = LeaseWorker(
            host, lambda: self.alive, self._heard, lease.request_timeout_ms(host.settings.lease_ms)
        )
        self._looking = self._look_again = False
        self._newest_read: LeaseRecord | None = None
        self._bought = 0
        # The term in which this node was last shown that somebody else signs, and when.
        self._marked = (0, 0)
        # Nothing that this node makes arrives on the chain.
        self._unheard = host.world.chance(0.2)
        self._requests = WishWatch(host, lambda: self.alive, self.post)
        self.post(TICK)
        self.look()

    # --- events

    def post(self, event: ev.Event) -> None:
        """An event for the core; it waits while the process stands still."""
        if not self.alive:
            return
        if self.paused:
            self._backlog.append(event)
            return
        now = self._clock.now()
        before = self.node
        self._world.steps += 1
        node, commands = step(before, event, now)
        self.node = node
        if type(event) is ev.ChainProbed:
            self._note_mark(event, before, now)
        if before.leadership is not None and node.leadership is None:
            self.look()
        for command in commands:
            if self.crash_chance and self._world.chance(self.crash_chance):
                self._host.crash_supervisor()
                return
            self._carry_out(command)
        due = next_wakeup(node, now)
        if self._host.watchful:
            self._check_idle(now, due)
        real = self._clock.real(due)
        if real != self._wake_at:
            self._wake_at = real
            self._world.at(real, lambda: self._wake(real))

    def _wake(self, real: int) -> None:
        if self._wake_at == real:
            self._wake_at = -1
            self.post(TICK)

    def found(self, deadline: int | None) -> None:
        """A signer with a deadline that the supervisor before this one has bought."""
        self._bought = max(self._bought, deadline or 0)

    def resume(self) -> None:
        """Go on where it stood still: what came in between is handled now, in order."""
        self.paused = False
        while self._backlog and self.alive and not self.paused:
            self.post(self._backlog.popleft())

    # --- commands

    def _carry_out(self, command: cmd.Command) -> None:
        handler = _HANDLERS.get(type(command))
        if handler is not None:
            handler(self, command)

    def _say(self, command: cmd.Log) -> None:
        if command.message.startswith("state changed: "):
            self._world.reached[command.message[15:]] += 1
        if self._world.trace is not None:
            self._world.note(self._host.name, command.message)

    def _start_guard(self, _command: cmd.StartGuard) -> None:
        self._world.after(self._world.between(5, 200), self._host.attach_guard)

    def _start_neard(self, command: cmd.StartNeard) -> None:
        armed, deadline = command.armed, command.deadline or 0
        if armed:
            self._check_unmarked()
            self._check_deadline(deadline)
            if deadline <= self._clock.now():
                raise Violation(f"{self._host.name} arms under a deadline that has passed")
            if self._host.pauses_starting:
                self._host.pause(self._host.pauses_starting, whole_host=True)
                self._host.pauses_starting = 0
        tag = self._host.memory.tag if armed and self._host.memory else ""
        self._host.ask_guard(lambda guard: guard.start(armed, deadline, tag, command.as_validator))

    def _arm_neard(self, command: cmd.ArmNeard) -> None:
        pid, deadline = command.pid, command.deadline
        self._check_unmarked()
        self._check_deadline(deadline)
        if self._host.pauses_starting:
            self._host.pause(self._host.pauses_starting, whole_host=True)
            self._host.pauses_starting = 0
        tag = self._host.memory.tag if self._host.memory else ""
        self._host.ask_guard(lambda guard: guard.arm(pid, deadline, tag))

    def _disarm_neard(self, command: cmd.DisarmNeard) -> None:
        self._host.ask_guard(lambda guard: guard.disarm(command.pid, DISARM_MS))

    def _confirm_disarmed(self, command: cmd.ConfirmDisarmed) -> None:
        self._host.ask_guard(lambda guard: guard.disarmed(command.pid))

    def _stop_neard(self, command: cmd.StopNeard) -> None:
        patience = STOP_TIMEOUT_MS if command.patience_ms is None else command.patience_ms
        self._host.ask_guard(lambda guard: guard.stop(patience))

    def _kill_neard(self, _command: cmd.KillNeard) -> None:
        self._host.ask_guard(lambda guard: guard.kill())

    def _move_deadline(self, command: cmd.MoveDeadline) -> None:
        deadline = command.deadline
        self._check_deadline(deadline)
        self._host.ask_guard(lambda guard: guard.move(deadline))

    def _remember(self, command: cmd.SaveState) -> None:
        self._host.memory = command.memory

    def _forget(self, _command: cmd.ClearState) -> None:
        self._host.memory = None

    def _keep_index(self, command: cmd.KeepIndex) -> None:
        self._host.kept_index, self._host.kept_term = command.index, command.term

    def _exit(self, command: cmd.Exit) -> None:
        self._host.supervisor_left(command.detach)

    def _drop_session(self, command: cmd.DropSession) -> None:
        self._link.ask(lambda: self._host.consul.drop(command.session), lambda _: None, SLOW_TIMEOUT_MS)

    def _renew_session(self, command: cmd.RenewSession) -> None:
        session, sent_at = command.session, self._clock.now()
        self._link.ask(
            lambda: self._host.consul.renew(session),
            lambda answer: self.post(ev.SessionRenewed(session, sent_at, answer)),
            self.session_timeout_ms,
        )

    def _read_members(self, _command: cmd.ReadMembers) -> None:
        asked_at, members = self._clock.now(), self._host.other_members()
        self._world.after(self._link.delay(), lambda: self.post(ev.MembersSeen(asked_at, members)))

    def _move_request(self, command: cmd.MoveRequest) -> None:
        self._requests.move(command)

    def _ask_hook(self, command: cmd.AskPreTakeover) -> None:
        request, host = command.request, self._host
        if request.force or not request.term:
            raise Violation(f"{host.name} asks its hook about a takeover that is none of its business: {request}")
        go, takes_ms = hook.says(self._world.seed, host.name, request.id)
        self._world.reached["hook: " + ("go" if go else "veto")] += 1
        said = ev.PreTakeoverAnswered(request.id, go, "" if go else "not today")
        self._world.after(takes_ms, lambda: self.post(said))

    def _read_duties(self, command: cmd.ReadDuties) -> None:
        """A neard that is silent says nothing; an old one does not tell; of a new one it may change within an epoch."""
        host = self._host.neard
        if not host.speaks:
            return
        duties, tells, every = None, self._world.rng.choice((False, "loosely", True, True)), host.chain.ours_of
        if tells:
            head = host.head()
            first = head - head % every
            windows = tuple((start + 1, start + every) for start in range(first, first + 20 * every, every))
            duties = Duties(windows, first, 20 * every, settled=tells is True)
        self._world.after(self._world.between(5, 500), lambda: self.post(ev.DutiesSeen(command.asker, duties, "old")))

    def _read_counters(self, command: cmd.ReadCounters) -> None:
        """The chain's counters; in some schedules nothing of this node arrives."""
        counted = None
        if self._host.neard.speaks:
            head = self._host.neard.head()
            owed = [head // every for every in (20, 7, 1)]
            counted = Counted(0, tuple(Duty(number, 0 if self._unheard else number) for number in owed))
        self._world.after(self._world.between(5, 500), lambda: self.post(ev.CountersSeen(command.term, counted)))

    def _look_at_chain(self, command: cmd.ProbeChain) -> None:
        """The newest blocks, as this neard has them; and what the chain has counted."""
        host, above, look = self._host, command.above, None
        chain = host.neard.chain
        if host.neard.speaks and chain.shows_blocks:
            head = host.neard.head()
            height = chain.marked(host.name, above, head)
            counted = Counted(0, (Duty(head, chain.counted(head)),)) if command.counters else None
            look = Look(above, head, None if height is None else Mark(height, "an approval"), counted)
        takes = 1 + int(500 * chain.dice.random() ** 3) if chain.shows_blocks else 1
        if not host.neard.speaks:
            takes = NEARD_TIMEOUT_MS
        self._world.after(takes, lambda: self.post(ev.ChainProbed(above, look)))

    def _look_for_approvals(self, command: cmd.ReadApprovals) -> None:
        """Of what this host has signed itself; in some schedules nothing of it arrives."""
        host, above, own = self._host, command.above, None
        if host.neard.speaks and host.neard.chain.shows_blocks:
            own = host.neard.own_approvals(above)
        self._world.after(self._world.between(1, 50), lambda: self.post(ev.ApprovalsSeen(command.term, own)))

    def _note(self, _command: cmd.RecordSigningCheck | cmd.RecordLastWords) -> None:
        """Nobody decides by the history."""

    def look_at_requests(self) -> None:
        """Something changed there."""
        self._requests.look()

    def _register(self, _command: cmd.Register) -> None:
        host = self._host
        sent_at, made = self._clock.now(), ""

        def create() -> Answer:
            nonlocal made
            ttl = lease.session_ttl_ms(host.settings.lease_ms)
            made = host.consul.create_session(ttl, host.settings.lease_ms)
            return YES

        def hear(answer: Answer) -> None:
            known = answer.kind is Kind.YES
            self.post(ev.Registered(made, sent_at) if known else ev.RegisterFailed(answer.reason))

        self._link.ask(create, hear, SLOW_TIMEOUT_MS)

    def _poll_neard(self, command: cmd.PollNeard) -> None:
        host, pid, world = self._host, command.pid, self._world
        asked_at = self._clock.now()
        neard = host.guard.neard if host.guard else None
        answers = neard is not None and neard.pid == pid and neard.up and host.neard.speaks and not neard.hangs

        def say() -> None:
            if neard is None or not answers:
                work = neard.work() if neard is not None and neard.pid == pid else None
                self.post(ev.Polled(pid, asked_at, None, "no answer", work))
                return
            neard.sign()
            self.post(ev.Polled(pid, asked_at, host.neard.sample(neard, command.metrics)))

        world.after(world.between(1, 30) if answers else NEARD_TIMEOUT_MS, say)

    # --- the worker of the lease: one request after another

    def _note_vacancy(self, command: cmd.MarkMissing) -> None:
        self._worker.submit(
            lambda _: self._host.consul.note_vacancy(command.record, command.kept_index), ev.MissingMarked
        )

    def _acquire(self, command: cmd.Acquire) -> None:
        how, index, session, record = command.how, command.index, command.session, command.record
        key_index = command.key_index
        self._worker.submit(
            lambda _: self._host.consul.acquire(how, index, session, record, key_index), ev.AcquireAnswered
        )

    def _heartbeat(self, command: cmd.Heartbeat) -> None:
        at, session, record = command.at, command.session, command.record

        def answered(answer: Answer) -> ev.Event:
            if answer.kind is Kind.YES:
                self._bought = max(self._bought, lease.hold_until(at, self._host.settings.lease_ms))
            return ev.HeartbeatAnswered(record.term, at, answer)

        self._worker.submit(
            lambda index: self._host.consul.heartbeat(session, record, index), answered, (session, record)
        )

    def _release(self, command: cmd.Release) -> None:
        guard = self._host.guard
        if guard is not None and guard.neard is not None and guard.neard.armed:
            raise Violation(f"{self._host.name} releases while neard {guard.neard.pid} is armed")
        session, record = command.session, command.record
        self._worker.submit(
            lambda index: self._host.consul.release(session, record, index),
            ev.ReleaseAnswered,
            (session, record),
        )

    def _heard(self, said: ev.Event, answer: Answer) -> None:
        self.post(said)
        if isinstance(said, ev.HeartbeatAnswered) and answer.kind is Kind.NO:
            self._check_gone(said.term)

    # --- the watch

    def look(self) -> None:
        """Read the lease, if this node does not hold it; one read at a time, and a rest between two."""
        if self._looking or not self.alive or self.node.leadership is not None or not self._link.up:
            self._look_again = self._looking
            return
        host, world = self._host, self._world
        consul = host.consul
        if not consul.leads:
            world.at(consul.leaderless_until + 50, self.look)
            return
        self._looking, self._look_again = True, False
        seen = consul.read(self._link.stale_ms and world.between(0, self._link.stale_ms))
        is_news = self._is_news(seen.record)
        told = seen
        if not seen.tells_nothing and (self.node.candidate.watch is None or not is_news):
            told = consul.with_kept(seen)
            self._is_news(told.kept)

        def hear() -> None:
            if self._link.up:
                self.post(ev.LeaseSeen(told))
            world.after(host.look_gap_ms, rested)

        def rested() -> None:
            self._looking = False
            if self._look_again or consul.seen is not seen:
                self.look()

        world.after(self._link.delay(), hear)

    def _is_news(self, record: LeaseRecord | None) -> bool:
        """As ``ConsulStore``: what is older than something that was read here is read with the last heartbeat."""
        newest = self._newest_read
        if record is None:
            return True
        if newest is not None and (
            record.term < newest.term or (one_leadership(record, newest) and record.seq < newest.seq)
        ):
            return False
        self._newest_read = record
        return True

    # --- what the core must never do

    def _check_deadline(self, deadline: int) -> None:
        if deadline > self._bought:
            raise Violation(f"{self._host.name} moves the deadline to {deadline}, a heartbeat bought {self._bought}")

    def _note_mark(self, event: ev.ChainProbed, before: Node, now: int) -> None:
        leadership, look = before.leadership, event.look
        if (
            leadership is not None
            and look is not None
            and look.mark is not None
            and look.mark.height > leadership.floor.height
        ):
            self._marked = (leadership.term, now)
            self._world.reached["veto of the doppelganger check"] += 1

    def _check_unmarked(self) -> None:
        """Whoever was seen to sign has to be gone for a lease, or a person answers for it."""
        node, (term, at) = self.node, self._marked
        if node.leadership is None or node.leadership.term != term or self._clock.now() >= at + node.settings.lease_ms:
            return
        if not node.leadership.overruled:
            raise Violation(f"{self._host.name} arms, and has just seen somebody else sign")

    def _check_gone(self, term: int) -> None:
        """A *no* ends the leadership, and the signer at once."""
        neard, paused = self.node.neard, self.paused or not self.alive
        if not paused and neard is not None and neard.armed and not neard.killed and self.node.last_term == term:
            raise Violation(f"{self._host.name} was refused a heartbeat of term {term} and lets neard {neard.pid} live")

    def _check_idle(self, now: int, due: int) -> None:
        """Until it wants to be woken, time alone has no consequence."""
        for early in (now, (now + due) // 2, due - 1):
            if step(self.node, TICK, early) != (self.node, []):
                raise Violation(f"{self._host.name} could be left alone until {due}, but acts at {early}")


_HANDLERS: dict[type, Callable[..., None]] = {
    cmd.Log: Supervisor._say,
    cmd.StartGuard: Supervisor._start_guard,
    cmd.StartNeard: Supervisor._start_neard,
    cmd.ArmNeard: Supervisor._arm_neard,
    cmd.DisarmNeard: Supervisor._disarm_neard,
    cmd.ConfirmDisarmed: Supervisor._confirm_disarmed,
    cmd.StopNeard: Supervisor._stop_neard,
    cmd.KillNeard: Supervisor._kill_neard,
    cmd.MoveDeadline: Supervisor._move_deadline,
    cmd.PollNeard: Supervisor._poll_neard,
    cmd.SaveState: Supervisor._remember,
    cmd.KeepIndex: Supervisor._keep_index,
    cmd.ClearState: Supervisor._forget,
    cmd.Exit: Supervisor._exit,
    cmd.Register: Supervisor._register,
    cmd.RenewSession: Supervisor._renew_session,
    cmd.DropSession: Supervisor._drop_session,
    cmd.ReadMembers: Supervisor._read_members,
    cmd.ReadDuties: Supervisor._read_duties,
    cmd.ReadCounters: Supervisor._read_counters,
    cmd.ProbeChain: Supervisor._look_at_chain,
    cmd.ReadApprovals: Supervisor._look_for_approvals,
    cmd.RecordSigningCheck: Supervisor._note,
    cmd.RecordLastWords: Supervisor._note,
    cmd.AskPreTakeover: Supervisor._ask_hook,
    cmd.MoveRequest: Supervisor._move_request,
    cmd.MarkMissing: Supervisor._note_vacancy,
    cmd.Acquire: Supervisor._acquire,
    cmd.Heartbeat: Supervisor._heartbeat,
    cmd.Release: Supervisor._release,
}
