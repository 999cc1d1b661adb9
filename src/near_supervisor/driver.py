"""Carries out what the core decides: commands become calls, answers become events.

One thread runs the core. Each kind of slow work has a lane of its own, so that a Consul that does not
answer never holds up neard's poll, and neither ever holds up a heartbeat.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from typing import Any

from near_ha.errors import GuardError, NearError

from .core import commands as cmd
from .core import events as ev
from .core import lease
from .core.machine import heartbeat_timeout_ms, next_wakeup, step
from .core.model import Memory, Node
from .core.settings import Settings
from .io import clock, guard_process, neard_config
from .io.consul_store import ConsulStore, MemberRecord, Refused, Unknown
from .io.guard_client import GuardClient, Reply
from .io.lane import Lane
from .io.neard_rpc import NeardRpc, Unreadable
from .io.run_dir import RunDir
from .options import DEFAULT_NODE_ID, Options
from .snapshot import Snapshot

log = logging.getLogger("near_supervisor")

NEARD_TIMEOUT_MS = 1_000
SLOW_CONSUL_TIMEOUT_MS = 3_000
LOOK_GAP_MS = 20
LOOK_RETRY_MS = 300
GUARD_STARTUP_MS = 5_000
_LEVELS = {"info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}


class Driver:
    """One supervisor at work. ``run`` returns its exit status."""

    def __init__(self, options: Options, run_dir: RunDir) -> None:
        self.options, self.run_dir = options, run_dir
        self.config = neard_config.read(options.neard_home)
        self._refuse_key_in_home()
        self._events: queue.SimpleQueue[ev.Event] = queue.SimpleQueue()
        self._memory = run_dir.recall()
        self._node = Node(self._settings())
        self._started_at = clock.boot_ms()
        self.snapshot = Snapshot(self._node, self._started_at, self._started_at)
        self._guard: GuardClient | None = None
        self._exit: cmd.Exit | None = None
        self._holding = threading.Event()
        account = options.account_id
        urgent = heartbeat_timeout_ms(options.lease_ms)
        self._lease_store = ConsulStore(options.consul_url, account, urgent)
        self._slow_store = ConsulStore(options.consul_url, account, SLOW_CONSUL_TIMEOUT_MS)
        self._rpc = NeardRpc(self.config.rpc_host, self.config.rpc_port, NEARD_TIMEOUT_MS)
        self._lease_lane, self._slow_lane, self._neard_lane, self._guard_lane = (
            Lane(name) for name in ("lease", "session", "neard", "attach")
        )

    def post(self, event: ev.Event) -> None:
        """Hand an event to the core; from any thread, and from signal handlers."""
        self._events.put(event)

    def run(self) -> int:
        """Run until the core says that it is over."""
        threading.Thread(target=self._watch_lease, name="watch", daemon=True).start()
        self._handle(ev.Tick())
        while self._exit is None:
            now = clock.boot_ms()
            wait = next_wakeup(self._node, now) - now
            try:
                event = self._events.get(timeout=wait / 1000)
            except queue.Empty:
                event = ev.Tick()
            self._handle(event)
            if self._guard is not None and self._guard.overdue(clock.boot_ms()):
                log.error("the guard does not answer; it is killed, and the kernel kills its neard with it")
                self._guard.kill_guard()
        self._clean_up(self._exit)
        return self._exit.code

    def _handle(self, event: ev.Event) -> None:
        now = clock.boot_ms()
        self._node, commands = step(self._node, event, now)
        if self._node.tenure is None:
            self._holding.clear()
        else:
            self._holding.set()
        guard_pid = int(self._guard.hello["pid"]) if self._guard else None
        self.snapshot = Snapshot(self._node, now, self._started_at, guard_pid)
        for command in commands:
            self._carry_out(command)

    # --- what the core starts with

    def _settings(self) -> Settings:
        options = self.options
        member = options.node_id
        if member == DEFAULT_NODE_ID:
            # kuutamod's tutorial runs two nodes that are both called "node".
            member = f"{DEFAULT_NODE_ID}-{self.run_dir.instance}"
        return Settings(
            node_id=options.node_id,
            member_id=member,
            hostname=options.hostname,
            account_id=options.account_id,
            validator_public_key=options.validator_public_key,
            lease_ms=options.lease_ms,
            block_time_ms=self.config.block_time_ms,
            startup_timeout_ms=options.startup_timeout_ms,
            height_patience_ms=options.height_patience_ms,
            chain_may_stand_still=options.chain_may_stand_still,
        )

    def _refuse_key_in_home(self) -> None:
        key, link = self.options.validator_key, self.config.validator_key_file
        if key == link:
            raise NearError(
                f"--validator-key {key} is where neard looks for its key",
                "Move it out of neard's home: there it would sign without asking anybody",
            )

    # --- commands

    def _carry_out(self, command: cmd.Command) -> None:
        match command:
            case cmd.Say(level, message):
                log.log(_LEVELS[level], message)
            case cmd.Exit():
                self._exit = command
            case cmd.StartGuard():
                self._guard_lane.submit(self._attach_guard)
            case cmd.StartNeard(armed, deadline):
                self._start_neard(armed, deadline)
            case cmd.StopNeard():
                self._ask_guard({"do": "stop", "timeout_ms": self.options.stop_timeout_ms})
            case cmd.KillNeard():
                self._ask_guard({"do": "kill"})
            case cmd.MoveDeadline(deadline):
                self._ask_guard({"do": "deadline", "deadline": deadline})
            case cmd.PollNeard():
                armed = self._node.armed
                self._neard_lane.submit(lambda: self._poll(armed))
            case cmd.Remember(memory):
                self._remember(memory)
            case _:
                self._ask_consul(command)

    def _ask_consul(self, command: cmd.Command) -> None:
        store = self._lease_store
        match command:
            case cmd.Acquire(how, index, session, record):
                value = record.to_json()
                self._lease_lane.submit(
                    lambda: self.post(ev.AcquireAnswered(store.acquire(how, index, session, value)))
                )
            case cmd.Heartbeat(session, record):
                self._lease_lane.submit(lambda: self._heartbeat(session, record.term, record.to_json()))
            case cmd.Release(session, record):
                value = record.to_json()
                self._lease_lane.submit(lambda: self.post(ev.ReleaseAnswered(store.release(session, value))))
            case cmd.Register():
                self._slow_lane.submit(self._register)
            case cmd.RenewSession(session):
                self._slow_lane.submit(lambda: self._renew(session))
            case cmd.PublishMember():
                self._slow_lane.submit(lambda: self._publish(command))
            case cmd.ReadMembers():
                self._slow_lane.submit(self._read_members)

    # --- guard and neard

    def _attach_guard(self) -> None:
        """Attach to the guard of our run directory; start one when there is none."""
        limit = clock.boot_ms() + GUARD_STARTUP_MS
        spawned = False
        while True:
            try:
                client = GuardClient(self.run_dir.path / "guard.sock", self._neard_exited, self._guard_lost)
                break
            except GuardError as error:
                if clock.boot_ms() > limit or error.hint:
                    self.post(ev.GuardFailed(f"{error}. Its log is {self.run_dir.path / 'neard.log'}"))
                    return
                if not spawned:
                    guard_process.spawn(self.run_dir.path, self.options.neard_home, self.config.validator_key_file)
                    spawned = True
                clock.sleep_ms(LOOK_GAP_MS)
        self._guard = client
        self._greet(client)
        client.listen()

    def _greet(self, client: GuardClient) -> None:
        hello = client.hello
        for note in hello["notes"]:
            log.error(note)
        if hello["key_link"] != str(self.config.validator_key_file) or hello["home"] != str(self.options.neard_home):
            log.error("the running guard guards %s, not %s; it is ended", hello["home"], self.options.neard_home)
            client.kill_guard()
        running, memory = hello["neard"], self._memory
        tag = memory.tag if memory else None
        if running is None:
            ended = hello["last_exit"]
            if ended and ended["armed"] and ended["tag"] == tag:
                self.post(ev.GuardReady(memory=memory, ended=ended["how"]))
            else:
                self.post(ev.GuardReady())
            return
        # Armed in a term that nobody remembers: without a tenure the core ends it.
        known = memory if running["armed"] and running["tag"] == tag else None
        self.post(ev.GuardReady(running["pid"], running["armed"], running["deadline"], known))

    def _guard_lost(self) -> None:
        self._guard = None
        self.post(ev.GuardLost())

    def _neard_exited(self, message: Reply) -> None:
        self.post(ev.NeardExited(message["pid"], message["how"]))

    def _ask_guard(self, request: dict[str, Any], on_reply: Callable[[Reply], None] | None = None) -> None:
        """A guard that is gone has been, or will be, reported by its client; there is nothing to ask it."""
        if self._guard is not None:
            self._guard.ask(request, on_reply or _complain)

    def _start_neard(self, armed: bool, deadline: int | None) -> None:
        options, config = self.options, self.config
        try:
            config = neard_config.read(options.neard_home)
        except NearError as error:
            self.post(ev.NeardRefused(str(error)))
            return
        if config.validator_key_file != self.config.validator_key_file or config.rpc_port != self.config.rpc_port:
            self.post(ev.NeardRefused("neard's config.json changed its RPC or key file: restart this supervisor"))
            return
        address = options.validator_network_addr if armed else options.voter_network_addr
        node_key = options.validator_node_key if armed else options.voter_node_key
        argv = [options.neard, "--home", str(options.neard_home), "run", "--network-addr", address]
        if options.boot_nodes:
            argv += ["--boot-nodes", options.boot_nodes]
        request = {
            "do": "start",
            "argv": argv,
            "armed": armed,
            "lock": str(config.lock_file),
            "node_key": [str(node_key), str(config.node_key_file)],
            "validator_key": str(options.validator_key),
            "deadline": deadline,
            "tag": self._memory.tag if armed and self._memory else "",
        }
        self._ask_guard(request, lambda reply: self._neard_started(reply, armed))

    def _neard_started(self, reply: Reply, armed: bool) -> None:
        if reply.get("ok"):
            self.post(ev.NeardStarted(reply["pid"], armed))
        else:
            self.post(ev.NeardRefused(str(reply.get("error"))))

    def _poll(self, armed: bool) -> None:
        try:
            self.post(ev.Polled(self._rpc.sample(armed)))
        except Unreadable as error:
            self.post(ev.Polled(None, str(error)))

    # --- Consul

    def _watch_lease(self) -> None:
        """Keep reading the lease while somebody else may hold it; as holder we hear from our heartbeats."""
        wait_ms = max(1_000, self.options.lease_ms // 2)
        store = ConsulStore(self.options.consul_url, self.options.account_id, wait_ms * 17 // 16 + 1_000)
        index = 0
        while True:
            if self._holding.is_set():
                index = 0
                clock.sleep_ms(LOOK_GAP_MS * 5)
                continue
            try:
                answered, seen = store.look(index, wait_ms)
            except (Unknown, Refused) as error:
                self.post(ev.LookFailed(str(error)))
                index = 0
                clock.sleep_ms(LOOK_RETRY_MS)
                continue
            # An index that goes back is Consul's way to say that its history was replaced.
            index = answered if answered >= index else 0
            self.post(ev.LeaseSeen(seen))
            clock.sleep_ms(LOOK_GAP_MS)

    def _heartbeat(self, session: str, term: int, value: str) -> None:
        sent_at = clock.boot_ms()
        answer = self._lease_store.heartbeat(session, value)
        self.post(ev.HeartbeatAnswered(term, sent_at, answer))

    def _register(self) -> None:
        options, sent_at = self.options, clock.boot_ms()
        ttl = lease.session_ttl_ms(options.lease_ms)
        try:
            session = self._slow_store.create_session(options.node_id, ttl, options.lease_ms)
            member = self._node.settings.member_id
            other = self._slow_store.claim_member(member, session, self._member_value("Registering", False, "", 0))
            if other is not None:
                self._slow_store.destroy_session(session)
        except (Unknown, Refused) as error:
            self.post(ev.RegisterFailed(str(error)))
            return
        if other is None:
            self.post(ev.Registered(session, sent_at))
        else:
            self.post(ev.NodeIdTaken(f"host {other.value.get('hostname', 'unknown')!r} (session {other.session})"))

    def _renew(self, session: str) -> None:
        sent_at = clock.boot_ms()
        self.post(ev.SessionRenewed(session, sent_at, self._slow_store.renew_session(session)))

    def _publish(self, member: cmd.PublishMember) -> None:
        value = self._member_value(member.state, member.ready, member.reason, member.height)
        # Written again in a moment whatever happens to this one.
        with contextlib.suppress(Unknown, Refused):
            self._slow_store.publish_member(self._node.settings.member_id, member.session, value)

    def _member_value(self, state: str, ready: bool, reason: str, height: int) -> dict[str, Any]:
        options = self.options
        return {
            "node_id": options.node_id,
            "hostname": options.hostname,
            "instance": self.run_dir.instance,
            "state": state,
            "ready": ready,
            "reason": reason,
            "height": height,
            "lease_ms": options.lease_ms,
            "validator_public_key": options.validator_public_key,
        }

    def _read_members(self) -> None:
        try:
            members = self._slow_store.members()
        except (Unknown, Refused):
            members = []
        self.post(ev.MembersSeen(tuple(self._other(member) for member in members if self._is_other(member))))

    def _is_other(self, member: MemberRecord) -> bool:
        return member.session is not None and member.node_id != self._node.settings.member_id

    def _other(self, member: MemberRecord) -> ev.Member:
        same_key = member.value.get("validator_public_key") == self.options.validator_public_key
        return ev.Member(member.node_id, member.value.get("ready") is True and same_key)

    def _remember(self, memory: Memory) -> None:
        self._memory = memory
        try:
            self.run_dir.remember(memory)
        except OSError as error:
            log.error(
                "cannot write to %s: %s; a crash of this supervisor will cost a failover", self.run_dir.path, error
            )

    # --- the end

    def _clean_up(self, leaving: cmd.Exit) -> None:
        if leaving.detach:
            return
        self._ask_guard({"do": "quit"})
        (self.run_dir.path / "control.sock").unlink(missing_ok=True)
        if self._node.session is None:
            return
        # Best effort: without it the session ends by its TTL.
        with contextlib.suppress(Unknown, Refused):
            self._slow_store.destroy_session(self._node.session.id)


def _complain(reply: Reply) -> None:
    if not reply.get("ok"):
        log.warning("the guard refused: %s", reply.get("error"))
