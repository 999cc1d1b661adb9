"""A supervisor process whose member record is in Consul, and whose neard may be slow to say how it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

from near_ha.records.cluster import MemberStatus
from near_ha.records.member_record import Member
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.facts import lease
from near_supervisor.core.facts.answer import YES, Answer, Kind
from near_supervisor.core.facts.doppelganger import Look
from near_supervisor.core.facts.host import RunDir
from near_supervisor.core.facts.leadership import SavedState

from ..link import Apply, Hear
from ..supervisor import NEARD_TIMEOUT_MS, Supervisor
from .members import Taken
from .session_worker import SessionWorker

if TYPE_CHECKING:
    from .host import HarshHost

GONE = RunDir("run directory is gone and cannot be made again", gone=True)


class HarshSupervisor(Supervisor):
    """``kept`` is what it has written for the process after it, whether that is still there or not."""

    def __init__(self, host: HarshHost) -> None:
        self._harsh = host
        self.kept: SavedState | None = host.memory
        self.kept_seen = (host.kept_index, host.kept_term)
        self._looks_for_dir = False
        timeout_ms = lease.session_request_timeout_ms(host.settings.lease_ms)
        self._session_worker = SessionWorker(host.link, lambda: self.alive, timeout_ms)
        self._member_worker = SessionWorker(host.link, lambda: self.alive, timeout_ms)
        self._newest: cmd.PublishMember | None = None
        super().__init__(host)

    def _carry_out(self, command: cmd.Command) -> None:
        handler = _HANDLERS.get(type(command))
        if handler is not None:
            handler(self, command)
        else:
            super()._carry_out(command)

    # --- the member records

    def _member(self, news: cmd.PublishMember) -> Member:
        mine = self.node.settings
        return Member(
            mine.node_id,
            mine.hostname,
            self._harsh.instance,
            news.state,
            news.ready,
            news.reason,
            news.height,
            mine.lease_ms,
            mine.validator_public_key,
            mine.priority,
            reasons=news.reasons,
            **asdict(news.reply),
        )

    def _publish_member(self, command: cmd.PublishMember) -> None:
        name, session, member = self.node.settings.member_id, command.session, self._member(command)
        records = self._harsh.members

        def publish() -> Answer:
            records.publish(name, session, member)
            return YES

        # Of several that wait only the newest is written.
        self._newest = command
        self._member_worker.ask(lambda: (publish, lambda _: None) if self._newest is command else None)

    def _read_from_consul(self, _command: cmd.ReadMembers) -> None:
        me, records = self.node.settings.member_id, self._harsh.members
        found: tuple[MemberStatus, ...] = ()

        def read() -> Answer:
            nonlocal found
            stale_ms = self._link.stale_ms and self._world.between(0, self._link.stale_ms)
            found = tuple(one for name, one in sorted(records.read(stale_ms).items()) if name != me)
            return YES

        def begin() -> tuple[Apply, Hear]:
            asked_at = self._clock.now()

            def hear(answer: Answer) -> None:
                # And the leases of other names are read, of which there are none.
                if answer.kind is Kind.YES:
                    self._member_worker.ask_next(lambda: YES, lambda _: self.post(ev.MembersSeen(asked_at, found)))
                else:
                    self.post(ev.MembersSeen(asked_at, None))

            return read, hear

        self._member_worker.ask(begin)

    def _register_with_record(self, _command: cmd.Register) -> None:
        """A session, and with it the member record; where that cannot be had, the session goes again."""
        host, mine, sent_at = self._harsh, self.node.settings, 0
        member = self._member(cmd.PublishMember("", "Registering", False, "is Registering", 0))
        session, taken = "", Taken(YES)

        def create() -> Answer:
            nonlocal session
            session = host.consul.create_session(lease.session_ttl_ms(mine.lease_ms), mine.lease_ms)
            return YES

        def begin() -> tuple[Apply, Hear]:
            nonlocal sent_at
            sent_at = self._clock.now()
            return create, created

        def created(answer: Answer) -> None:
            if answer.kind is Kind.YES:
                self._session_worker.ask_next(claim, claimed)
            else:
                self.post(ev.RegisterFailed(answer.reason))

        def claim() -> Answer:
            nonlocal taken
            taken = host.members.claim(mine.member_id, session, member)
            return taken.answer

        def claimed(answer: Answer) -> None:
            if answer.kind is Kind.YES:
                self.post(ev.Registered(session, sent_at))
                return
            self._session_worker.ask_next(lambda: host.consul.drop(session), lambda _: None)
            if taken.by and answer.kind is Kind.NO:
                self.post(ev.NodeIdTaken(taken.by))
            else:
                self.post(ev.RegisterFailed(answer.reason, refused=answer.kind is Kind.NO))

        self._session_worker.ask(begin)

    def _drop_with_record(self, command: cmd.DropSession) -> None:
        """After what is still to be written with it."""
        self._member_worker.ask(lambda: (lambda: self._harsh.drop(command.session), lambda _: None))

    def _renew_in_turn(self, command: cmd.RenewSession) -> None:
        consul, session = self._harsh.consul, command.session

        def begin() -> tuple[Apply, Hear]:
            sent_at = self._clock.now()
            return lambda: consul.renew(session), lambda answer: self.post(ev.SessionRenewed(session, sent_at, answer))

        self._session_worker.ask(begin)

    # --- the run directory

    def _remember_in_dir(self, command: cmd.SaveState) -> None:
        self.kept = command.memory
        if self._harsh.dir_is_there:
            self._harsh.keep(command.memory)

    def _forget_in_dir(self, _command: cmd.ClearState) -> None:
        self.kept = self._harsh.memory = None

    def _keep_index_in_dir(self, command: cmd.KeepIndex) -> None:
        self.kept_seen = (command.index, command.term)
        if self._harsh.dir_is_there:
            self._harsh.kept_index, self._harsh.kept_term = self.kept_seen

    def miss_dir(self) -> None:
        """It is looked at with every heartbeat, and made again where that can be."""
        if not self._looks_for_dir:
            self._looks_for_dir = True
            every_ms = lease.heartbeat_interval(self.node.settings.lease_ms)
            self._world.after(self._world.rng.randrange(1, every_ms), lambda: self._look_for_dir(every_ms))

    def _look_for_dir(self, every_ms: int) -> None:
        host = self._harsh
        if not self.alive:
            return
        if self.paused or host.neard.stopped:
            self._world.after(every_ms, lambda: self._look_for_dir(every_ms))
        elif host.make_dir_again():
            self._looks_for_dir = False
            host.keep(self.kept)
            host.kept_index, host.kept_term = self.kept_seen
            self.post(ev.RunDirSeen(RunDir()))
            # The guard is asked to listen again.
            host.ask_guard(lambda _guard: host.find_guard())
        else:
            self.post(ev.RunDirSeen(GONE))
            self._world.after(every_ms, lambda: self._look_for_dir(every_ms))

    # --- neard

    def _poll_slow_neard(self, command: cmd.PollNeard) -> None:
        """It answers late; what comes after the timeout is no answer."""
        host, pid, world = self._harsh, command.pid, self._world
        takes = world.rng.randrange(1, host.neard.longest_status_ms) if host.neard.longest_status_ms else 0
        if takes < NEARD_TIMEOUT_MS:
            asked_at = self._clock.now()
            if takes:
                world.after(takes, lambda: self._say_late(command, asked_at))
            else:
                self._poll_neard(command)
            return
        asked_at = self._clock.now()
        world.after(NEARD_TIMEOUT_MS, lambda: self.post(ev.Polled(pid, asked_at, None, "no answer in time")))

    def _say_late(self, command: cmd.PollNeard, asked_at: int) -> None:
        host, pid = self._harsh, command.pid
        neard = host.guard.neard if host.guard else None
        if neard is None or neard.pid != pid or not neard.up or neard.hangs or not host.neard.speaks:
            self.post(ev.Polled(pid, asked_at, None, "no answer"))
            return
        neard.sign()
        self.post(ev.Polled(pid, asked_at, host.neard.sample(neard, command.metrics)))

    def _look_at_hidden_chain(self, command: cmd.ProbeChain) -> None:
        if not self._harsh.neard.hides_blocks:
            self._look_at_chain(command)
            return
        nothing: Look | None = None
        self._world.after(self._world.between(1, 500), lambda: self.post(ev.ChainProbed(command.above, nothing)))

    def _look_for_hidden_approvals(self, command: cmd.ReadApprovals) -> None:
        if not self._harsh.neard.hides_blocks:
            self._look_for_approvals(command)
            return
        self._world.after(self._world.between(1, 500), lambda: self.post(ev.ApprovalsSeen(command.term, None)))


_HANDLERS: dict[type, Callable[..., None]] = {
    cmd.Register: HarshSupervisor._register_with_record,
    cmd.DropSession: HarshSupervisor._drop_with_record,
    cmd.RenewSession: HarshSupervisor._renew_in_turn,
    cmd.PublishMember: HarshSupervisor._publish_member,
    cmd.ReadMembers: HarshSupervisor._read_from_consul,
    cmd.SaveState: HarshSupervisor._remember_in_dir,
    cmd.ClearState: HarshSupervisor._forget_in_dir,
    cmd.KeepIndex: HarshSupervisor._keep_index_in_dir,
    cmd.PollNeard: HarshSupervisor._poll_slow_neard,
    cmd.ProbeChain: HarshSupervisor._look_at_hidden_chain,
    cmd.ReadApprovals: HarshSupervisor._look_for_hidden_approvals,
}
