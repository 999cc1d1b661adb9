"""The driver's half towards the guard and its neard."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from near_ha.errors import BadConfig, GuardError, NearError
from near_ha.keys import key_file
from near_supervisor.core import events as ev
from near_supervisor.core.facts.leadership import SavedState

from .. import signer_settings
from ..commandline.options import Options
from ..io import clock, guard_process, home_holder, listener, neard_config, neard_wal
from ..io.boot_nodes import BootNodes
from ..io.guard_client import GuardClient, OnReply, Reply
from ..io.last_words import last_words
from ..io.run_dir import RunDir
from ..io.worker import Worker

log = logging.getLogger("near_supervisor")

ATTACH_MS = 5_000
ATTACH_RETRY_MS = 20
OVERDUE_MS = 1_000
# A real neard takes 10 ms; what takes longer is killed, which costs about as much.
DISARM_MS = 500
_SERVICE_HINT = "With --guard service a unit of its own runs it: is that started, with the same --run-dir?"


class GuardAdapter:
    """Attaches to the guard of our run directory, and turns commands about neard into requests to it."""

    def __init__(self, options: Options, run_dir: RunDir, post: Callable[[ev.Event], None]) -> None:
        self._options, self._run_dir, self._post = options, run_dir, post
        self.config = neard_config.read(options.neard_home)
        self._refuse_keys_in_neards_place()
        self._settings = signer_settings.of(options, self.config)
        self._memory = self._recall()
        self._client: GuardClient | None = None
        self._overdue_since: int | None = None
        self._boot_nodes = BootNodes(options.boot_nodes)
        self._worker = Worker("attach")

    def _refuse_keys_in_neards_place(self) -> None:
        """The guard puts links there: a key file of the operator's must not be in their way."""
        options, config = self._options, self.config
        if _same_place(options.validator_key, config.validator_key_file):
            raise BadConfig(
                f"--validator-key {options.validator_key} is where neard looks for its key",
                "Move it out of neard's home: there it would sign without asking anybody",
            )
        for flag, key in (
            ("--voter-node-key", options.voter_node_key),
            ("--validator-node-key", options.validator_node_key),
        ):
            if _same_place(key, config.node_key_file):
                raise BadConfig(
                    f"{flag} {key} is where neard looks for its node key",
                    "Give it another name: a link to the node key of each role is put there",
                )

    def _recall(self) -> SavedState | None:
        """What the process before us remembered, if it is still to be taken up; BadConfig if it may not be by us."""
        memory = self._run_dir.recall()
        if memory is None:
            return None
        kept = self._run_dir.settings()
        differ = signer_settings.changed(kept, self._settings)
        if not differ:
            return memory
        signer = self._running_signer(memory)
        if signer is not None:
            pid, deadline = signer
            raise signer_settings.refusal(kept, self._settings, pid, deadline - clock.boot_ms())
        log.warning("%s changed since the last leadership, whose lease runs out by itself", " and ".join(differ))
        self._run_dir.forget()
        return None

    def _running_signer(self, memory: SavedState) -> tuple[int, int] | None:
        """The signer of this leadership, if the guard has it, and its deadline."""
        try:
            client = GuardClient(self._run_dir.path / "guard.sock", lambda _message: None, lambda: None)
        except GuardError:
            return None
        client.close()
        try:
            for note in client.hello["notes"]:
                log.error(note)
            running = client.hello["neard"]
            if not running or running["tag"] != memory.tag or not running["armed"]:
                return None
            return int(running["pid"]), int(running["deadline"])
        except (KeyError, TypeError, ValueError):
            return None

    @property
    def pid(self) -> int | None:
        """Pid of the attached guard."""
        client = self._client
        return client.pid if client else None

    def attach(self) -> None:
        """Find a guard, or start one if it is ours to start; GuardReady or GuardFailed follows."""
        self._worker.submit(self._attach, lambda: self._post(ev.GuardFailed("the guard could not be attached")))

    def remember(self, memory: SavedState) -> None:
        """Keep what proves, after a crash, that the armed neard is ours."""
        self._memory = memory
        try:
            self._run_dir.remember(memory, self._settings)
        except OSError as error:
            log.error(
                "cannot write to %s: %s; a crash of this supervisor will cost a failover", self._run_dir.path, error
            )

    def remember_again(self) -> None:
        """The run directory was made again, and has nothing yet for a successor."""
        if self._memory is not None:
            self.remember(self._memory)

    def listen_again(self) -> None:
        """The guard's socket is not there any more: the next supervisor would not find it."""
        self._ask({"do": "listen"})

    def forget(self) -> None:
        """The leadership is over."""
        self._memory = None
        with contextlib.suppress(OSError):
            self._run_dir.forget()

    def start_neard(self, armed: bool, deadline: int | None, as_validator: bool) -> None:
        """Start neard, with the validator's node key and address or its own; NeardStarted or NeardRefused follows."""
        options = self._options
        try:
            config = self._unchanged_config()
        except NearError as error:
            self._post(ev.NeardRefused(str(error)))
            return
        address = options.validator_network_addr if as_validator else options.voter_network_addr
        node_key = options.node_key(as_validator)
        argv = [options.neard, "--home", str(options.neard_home), "run", "--network-addr", address]
        if boot_nodes := self._boot_nodes.text():
            argv += ["--boot-nodes", boot_nodes]
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
        self._ask(request, lambda reply: self._started(reply, armed, as_validator))

    def arm_neard(self, pid: int, deadline: int) -> None:
        """Give the key to the neard that runs; NeardArmed or ArmRefused follows.

        neard reads three files at once and takes none of them if one is broken, so they are looked at first.
        """
        options = self._options
        try:
            self._unchanged_config()
            neard_config.check_reload(options.neard_home)
            if key_file.read_whole(options.validator_key).public_key != options.validator_public_key:
                raise BadConfig(f"{options.validator_key} holds another key than at the start of this supervisor")
        except NearError as error:
            self._post(ev.ArmRefused(pid, str(error)))
            return
        request = {
            "do": "arm",
            "pid": pid,
            "deadline": deadline,
            "validator_key": str(options.validator_key),
            "tag": self._memory.tag if self._memory else "",
        }
        self._ask(request, lambda reply: self._armed(reply, pid))

    def disarm_neard(self, pid: int) -> None:
        """Take the key away from the neard that runs; the guard kills it unless it hears in time that it is gone."""
        request = {"do": "disarm", "pid": pid, "timeout_ms": DISARM_MS}
        self._ask(request, lambda reply: None if reply.get("ok") else self._not_disarmed(pid, str(reply.get("error"))))

    def confirm_disarmed(self, pid: int) -> None:
        """It was seen without its key. NeardDisarmed follows if that was this very process, else DisarmRefused."""
        config = self.config
        if listener.is_of(pid, config.rpc_host, config.rpc_port) is not True:
            self._not_disarmed(
                pid, f"who answers on {config.rpc_host}:{config.rpc_port} is not known to be neard {pid}"
            )
            return
        self._ask({"do": "disarmed", "pid": pid}, lambda reply: self._disarmed(reply, pid))

    def _disarmed(self, reply: Reply, pid: int) -> None:
        if reply.get("ok"):
            self._post(ev.NeardDisarmed(pid))
        else:
            self._not_disarmed(pid, str(reply.get("error")))

    def _not_disarmed(self, pid: int, reason: str) -> None:
        self._post(ev.DisarmRefused(pid, reason))

    def stop_neard(self, patience_ms: int | None) -> None:
        """SIGTERM, and SIGKILL after ``patience_ms`` (None = the stop timeout), never later than that timeout."""
        limit = self._options.stop_timeout_ms
        self._ask({"do": "stop", "timeout_ms": limit if patience_ms is None else min(patience_ms, limit)})

    def kill_neard(self) -> None:
        """SIGKILL."""
        self._ask({"do": "kill"})

    def move_deadline(self, deadline: int) -> None:
        """Let the armed neard live until ``deadline``."""
        self._ask({"do": "deadline", "deadline": deadline})

    def quit(self) -> None:
        """Send the guard away; it goes once neard has. A service of its own stays."""
        if not self._options.guard_is_service:
            self._ask({"do": "quit"})

    def turn(self, now: int) -> None:
        """What is to be known before neard is started the next time."""
        self._boot_nodes.turn(now)

    def check_alive(self) -> None:
        """A guard that does not answer is killed: the kernel ends its neard with it.

        Seen twice with a second between, because after a pause of this process the answers may be there,
        only not read yet.
        """
        client, now = self._client, clock.boot_ms()
        if client is None or not client.overdue(now):
            self._overdue_since = None
        elif self._overdue_since is None:
            self._overdue_since = now
        elif now - self._overdue_since >= OVERDUE_MS:
            log.error("the guard %s does not answer; it is killed, and the kernel kills its neard with it", self.pid)
            client.kill_guard()
            self._overdue_since = None

    # --- attaching

    def _attach(self) -> None:
        limit = clock.boot_ms() + ATTACH_MS
        spawned = service = self._options.guard_is_service
        while True:
            try:
                client = GuardClient(self._run_dir.path / "guard.sock", self._exited, self._lost)
                break
            except GuardError as error:
                if clock.boot_ms() > limit or error.hint:
                    where = _SERVICE_HINT if service else f"Its log is {self._run_dir.path / 'neard.log'}"
                    self._post(ev.GuardFailed(self._taken_home() or f"{error}. {where}"))
                    return
            if not spawned and (taken := self._taken_home()):
                self._post(ev.GuardFailed(taken))
                return
            if not spawned:
                guard_process.spawn(self._run_dir.path, self._options.neard_home, self.config.validator_key_file)
                spawned = True
            clock.sleep_ms(ATTACH_RETRY_MS)
        try:
            event = self._greet(client)
        except BadConfig as error:
            client.close()
            self._post(ev.GuardFailed(str(error)))
            return
        except (GuardError, KeyError, TypeError) as error:
            # Left behind by another version: neither of us can go on with it.
            client.kill_guard()
            client.close()
            self._post(ev.GuardFailed(f"the running guard greets in another way ({error!r}); it is ended"))
            return
        self._client = client
        self._post(event)
        client.listen()

    def _taken_home(self) -> str:
        """That another one's guard has our neard's home: a guard of ours could not start."""
        options = self._options
        holder = home_holder.other(options.neard_home, options.run_dir)
        if not holder:
            return ""
        mine = f"node {options.node_id!r} on host {options.hostname!r}, run directory {options.run_dir.absolute()}"
        return (
            f"one neard home for two nodes: {options.neard_home} is that of {holder}, and was given to {mine}."
            " Give each its own --neard-home and --run-dir, or stop the other one"
        )

    def _greet(self, client: GuardClient) -> ev.GuardReady:
        hello, memory = client.hello, self._memory
        for note in hello["notes"]:
            log.error(note)
        wanted = (str(self._options.neard_home), str(self.config.validator_key_file))
        if (hello["home"], hello["key_link"]) != wanted:
            if self._options.guard_is_service:
                # It would be started again just as it is.
                raise BadConfig(
                    f"the guard of {self._run_dir.path} guards {hello['home']} with the key at {hello['key_link']}, not"
                    f" {wanted[0]} with the key at {wanted[1]}",
                    "Give its unit the --home and --key-link of this supervisor's neard",
                )
            log.error("the running guard guards %s, not %s; it is ended", hello["home"], wanted[0])
            client.kill_guard()
        running, last = hello["neard"], hello["last_exit"]
        tag = memory.tag if memory else None
        ended = f"it ended with {last['how']}" if last and last["armed"] and last["tag"] == tag else ""
        if running is not None and not running["armed"] and tag and running.get("gave_up") == tag:
            ended = "it gave its key up"
        if running is None:
            words = last_words(last.get("output")) if ended else ""
            return ev.GuardReady(memory=memory if ended else None, ended=ended, last_words=words)
        # Armed in a term that nobody remembers: without a leadership the core ends it.
        known = memory if ended or (running["armed"] and running["tag"] == tag) else None
        armed, as_validator = running["armed"], self._has_shared_node_key()
        return ev.GuardReady(running["pid"], armed, running["deadline"], known, ended, as_validator=as_validator)

    def _has_shared_node_key(self) -> bool:
        """The guard puts a link to the node key in its place at each start of a neard, and at no other time."""
        own, shared = self._options.node_key(as_validator=False), self._options.node_key(as_validator=True)
        try:
            return own != shared and self.config.node_key_file.readlink() == shared
        except OSError:
            return False

    def _lost(self) -> None:
        self._client = None
        self._post(ev.GuardLost())

    def _exited(self, message: Reply) -> None:
        heights = neard_wal.read(self.config.lock_file.parent)
        signed = heights.signed if heights is not None else None
        # One that is older tells of no output.
        self._post(ev.NeardExited(message["pid"], message["how"], last_words(message.get("output")), signed))

    # --- requests

    def _ask(self, request: dict[str, Any], on_reply: OnReply | None = None) -> None:
        """A guard that is gone has been, or will be, reported by its client; there is nothing to ask it."""
        client = self._client
        if client is not None:
            client.ask(request, on_reply or _complain)

    def _started(self, reply: Reply, armed: bool, as_validator: bool) -> None:
        if reply.get("ok"):
            self._post(ev.NeardStarted(reply["pid"], armed, as_validator))
        else:
            self._post(ev.NeardRefused(str(reply.get("error"))))

    def _armed(self, reply: Reply, pid: int) -> None:
        refused = None if reply.get("ok") else str(reply.get("error"))
        self._post(ev.NeardArmed(pid) if refused is None else ev.ArmRefused(pid, refused))

    def _unchanged_config(self) -> neard_config.NeardConfig:
        """neard reads its config at each start, and so do we: what we poll and guard must still be the same."""
        config = neard_config.read(self._options.neard_home)
        if config != self.config:
            raise BadConfig(
                f"{self._options.neard_home / 'config.json'} has changed its RPC address, block time or file names",
                "Restart this supervisor, so that it reads them again",
            )
        return config


def _same_place(key: Path, link: Path) -> bool:
    """Is the key file the very file that the guard would put its link in place of?"""
    if key.parent.resolve() / key.name == link.parent.resolve() / link.name:
        return True
    return link.exists() and not link.is_symlink() and key.exists() and key.samefile(link)


def _complain(reply: Reply) -> None:
    if not reply.get("ok"):
        log.warning("the guard refused: %s", reply.get("error"))
