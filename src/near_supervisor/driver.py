"""Carries out what the core decides: commands become calls, answers become events.

One thread runs the core. Each kind of slow work has a worker of its own, so that a Consul that does not
answer never holds up neard's poll, and neither ever holds up a heartbeat.
"""

from __future__ import annotations

import contextlib
import logging
import queue

from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.facts.model import Believed, Node
from near_supervisor.core.facts.settings import Settings
from near_supervisor.core.facts.values import assert_never
from near_supervisor.core.machine import idle_ms, step

from . import __version__
from .adapters.cluster import ClusterAdapter
from .adapters.consul import ConsulAdapter
from .adapters.guard import GuardAdapter
from .adapters.host import HostAdapter
from .adapters.neard import NeardAdapter
from .adapters.notifier import Notifier
from .adapters.pre_takeover import PreTakeoverAdapter
from .adapters.run_dir import RunDirAdapter
from .adapters.starting import StartingAdapter
from .commandline.options import DEFAULT_NODE_ID, Options
from .io import clock, hook_process
from .io.control import ControlSocket
from .io.neard_config import NeardConfig
from .io.run_dir import RunDir
from .io.systemd import ServiceManager
from .snapshot import Snapshot

log = logging.getLogger("near_supervisor")

# So old may be what is shown outside, and so long a guard may hang unnoticed.
LOOK_AROUND_MS = 1_000
_LEVELS = {"info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}


class Driver:
    """One supervisor at work. ``run`` returns its exit status."""

    def __init__(self, options: Options, run_dir: RunDir, manager: ServiceManager) -> None:
        self._events: queue.SimpleQueue[ev.Event] = queue.SimpleQueue()
        self._run_dir, self._manager, self._lease_ms = run_dir, manager, options.lease_ms
        self._guard = GuardAdapter(options, run_dir, self.post)
        config = self._guard.config
        settings = _settings(options, run_dir.instance, config)
        self._neard = NeardAdapter(config, settings.validator_account_id, self.post)
        self._consul = ConsulAdapter(
            options, settings.member_id, run_dir.instance, self.post, neard_version=lambda: self._neard.version
        )
        self._starting = StartingAdapter(options, settings.member_id, self._consul.member)
        self._cluster = ClusterAdapter(options, self.post)
        self._host = HostAdapter(options, config, self.post)
        self._pre_takeover = PreTakeoverAdapter(options, self.post)
        self._node = _begin(settings, run_dir)
        self.notifier = Notifier(options.hooks, self._node)
        self._started_at = self._stepped_at = clock.boot_ms()
        self._exit: cmd.Exit | None = None
        self.snapshot = Snapshot(self._node, self._started_at, self._started_at)

    def post(self, event: ev.Event) -> None:
        """Hand an event to the core; from any thread, and from signal handlers."""
        self._events.put(event)

    def run(self, control: ControlSocket | None = None) -> int:
        """Run until the core says that it is over; ``control`` is kept where it can be found."""
        place = RunDirAdapter(self._run_dir, control, self._guard, self._lease_ms, self.post)
        self._consul.watch()
        self._cluster.watch()
        self._handle(ev.Tick())
        while self._exit is None:
            # Fed here and nowhere else: a loop that hangs, in whatever it does, is noticed.
            self._manager.turned(self._stepped_at, *self.snapshot.summary())
            try:
                event = self._events.get(timeout=self._patience_ms() / 1000)
            except queue.Empty:
                event = ev.Tick()
            self._handle(event)
            self._guard.check_alive()
            self._guard.turn(self._stepped_at)
            neard = self._node.neard
            self._neard.turn(self._stepped_at, neard is not None and neard.answered)
            place.turn(self._stepped_at)
            self._starting.turn(self._stepped_at, self._node)
            self._host.turn(self._stepped_at, self.snapshot.neard_pid or self._guard.pid)
        self._manager.stopping()
        if not self._exit.detach:
            self._clean_up()
            # Nothing is held any more: its last words may take a moment. Of one that detaches, the next one tells.
            self.notifier.close()
        hook_process.end_all()
        return self._exit.code

    def _patience_ms(self) -> int:
        now = clock.boot_ms()
        watchdog = self._manager.patience_ms(now)
        idle = min(idle_ms(self._node, self._stepped_at, now), LOOK_AROUND_MS)
        return idle if watchdog is None else min(idle, watchdog)

    def _handle(self, event: ev.Event) -> None:
        now = self._stepped_at = clock.boot_ms()
        self._node, commands = step(self._node, event, now)
        self._consul.holding(self._node.leadership is not None)
        self.snapshot = Snapshot(self._node, now, self._started_at, self._guard.pid)
        for command in commands:
            self._carry_out(command)
        # After all that is to be done, and it waits for nothing.
        self.notifier.look(self._node, now)

    def _carry_out(self, command: cmd.Command) -> None:
        match command:
            case cmd.Log(level, message):
                log.log(_LEVELS[level], message)
            case cmd.Exit():
                self._exit = command
            case cmd.StartGuard():
                self._guard.attach()
            case cmd.StartNeard(armed, deadline, as_validator):
                self._guard.start_neard(armed, deadline, as_validator)
            case cmd.ArmNeard(pid, deadline):
                self._guard.arm_neard(pid, deadline)
            case cmd.DisarmNeard(pid):
                self._guard.disarm_neard(pid)
            case cmd.ConfirmDisarmed(pid):
                self._guard.confirm_disarmed(pid)
            case cmd.StopNeard(_, patience_ms):
                self._guard.stop_neard(patience_ms)
            case cmd.KillNeard():
                self._guard.kill_neard()
            case cmd.MoveDeadline(deadline):
                self._guard.move_deadline(deadline)
            case cmd.SaveState(memory):
                self._guard.remember(memory)
            case cmd.KeepIndex(index, term):
                self._run_dir.keep_seen(index, term)
            case cmd.ClearState():
                self._guard.forget()
            case cmd.PollNeard() | cmd.ReadDuties() | cmd.ReadCounters() | cmd.ProbeChain() | cmd.ReadApprovals():
                self._neard.carry_out(command)
            case cmd.AskPreTakeover():
                self._pre_takeover.carry_out(command)
            case cmd.MoveRequest() | cmd.RecordChange() | cmd.RecordSigningCheck() | cmd.RecordLastWords():
                self._cluster.carry_out(command)
            case (
                cmd.MarkMissing() | cmd.Acquire() | cmd.Heartbeat() | cmd.Release()
                | cmd.Register() | cmd.RenewSession() | cmd.DropSession() | cmd.PublishMember() | cmd.ReadMembers()
            ):  # fmt: skip
                self._consul.carry_out(command)
            case _:
                assert_never(command)

    def _clean_up(self) -> None:
        self._guard.quit()
        self._starting.close()
        with contextlib.suppress(OSError):
            (self._run_dir.path / "control.sock").unlink()
        if self._node.session is not None:
            self._consul.deregister(self._node.session.id)


def _begin(settings: Settings, run_dir: RunDir) -> Node:
    """All that a process knows when it begins."""
    index, term = run_dir.seen()
    return Node(settings, last_term=term, believed=Believed(kept_term=term, index=index))


def _settings(options: Options, instance: str, config: NeardConfig) -> Settings:
    member = options.node_id
    if member == DEFAULT_NODE_ID:
        # kuutamod's tutorial runs two nodes that are both called "node".
        member = f"{DEFAULT_NODE_ID}-{instance}"
    return Settings(
        node_id=options.node_id,
        member_id=member,
        hostname=options.hostname,
        account_id=options.account_id,
        validator_public_key=options.validator_public_key,
        lease_ms=options.lease_ms,
        block_time_ms=config.block_time_ms,
        skip_ms=config.skip_ms,
        startup_timeout_ms=options.startup_timeout_ms,
        startup_limit_ms=options.startup_limit_ms,
        stop_timeout_ms=options.stop_timeout_ms,
        height_patience_ms=options.height_patience_ms,
        chain_may_stand_still=options.chain_may_stand_still,
        priority=options.failover_priority,
        strategy=options.strategy,
        validator_account_id=options.validator_account_id,
        keeps_shards_of=config.keeps_shards_of,
        min_peers=config.min_peers,
        version=__version__,
        other_locks=options.other_locks,
        node_public_key=options.node_public_key,
        pre_takeover=bool(options.hooks.pre_takeover),
    )
