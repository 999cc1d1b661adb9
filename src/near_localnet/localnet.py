"""The localnet as a library: what `bin/localnet` and the end-to-end tests do, they do through this class."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from near_ha.records.states import State
from near_localnet import bring_up, consul_cluster, loss, pair, processes, status
from near_localnet.chain import start as start_node
from near_localnet.layout import CONSUL_SERVERS, NAMES, VALIDATORS, Layout, Validator, node_named, validator_named
from near_localnet.options import Options
from near_localnet.problem import Problem
from near_localnet.processes import Process
from near_localnet.progress import Progress
from near_localnet.status import Status
from near_localnet.verdict import Judge
from near_supervisor.commandline.cluster_text import waits_text

HOST = "host"
PARTS = ("supervisor", "guard", "neard", "consul", HOST)
STOP_TIMEOUT_S = 30.0
KILL_TIMEOUT_S = 5.0
POLL_S = 0.05
FREEZE_POLL_S = 0.005
OWN_DATA = ("near", "consul", "logs", "bin", "localnet.json", "referee.log")


class Localnet:
    """One localnet. All its methods return when what they say has happened, or raise Problem.

    `progress` is told what they wait for.
    """

    def __init__(self, layout: Layout, tools: Path, progress: Progress | None = None) -> None:
        self.layout = layout
        self.tools = tools
        self.judge = Judge(layout.referee_log)
        self.progress = progress or Progress(quiet=True)

    # ----- the whole

    def up(
        self, options: Options, progress: Progress | None = None, timeout_s: float = 60.0, *, keep: bool = False
    ) -> Status:
        """Starts everything; returns when one host validates, the other votes, and blocks flow.

        Where that fails, what was started is ended, unless `keep`.
        """
        with self._alone():
            self.progress = progress or self.progress
            return bring_up.bring_up(self, options.checked(), self.progress, timeout_s, keep)

    def down(self, wipe: bool = False) -> int:
        """Ends every process, gracefully where that works; returns how many there were. `wipe` removes the data."""
        with self._alone():
            return self.end_all(wipe)

    def end_all(self, wipe: bool = False) -> int:
        """`down` for those who have the localnet to themselves already."""
        found = processes.find(self.layout.data)
        # Supervisors first, while Consul still hears that they let go of the lease.
        for parts in (("supervisor",), ("guard", "neard"), ("keeper", "consul")):
            self._end([process for process in processes.find(self.layout.data) if process.part in parts])
        left = processes.find(self.layout.data)
        if left:
            raise Problem(f"These processes do not end: {', '.join(f'{p.part} {p.pid}' for p in left)}.")
        if wipe:
            self._wipe()
        return len(found)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keeps a second `up` or `down` from interfering. Raises Problem when one is at work."""
        self.layout.data.mkdir(parents=True, exist_ok=True)
        with (self.layout.data / "localnet.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Problem("Another bin/localnet is starting or ending this localnet.", "Wait for it.") from None
            yield

    def _end(self, wanted: list[Process]) -> None:
        for process in wanted:
            process.signal(signal.SIGCONT)
            process.signal(signal.SIGTERM)
        for process in self._wait_gone(wanted, KILL_TIMEOUT_S):
            process.signal(signal.SIGKILL)
        self._wait_gone(wanted, KILL_TIMEOUT_S)

    def _wait_gone(self, wanted: list[Process], timeout_s: float) -> list[Process]:
        with self.progress.waiting() as waiting:

            def say(left: list[Process], left_s: float) -> None:
                waiting.say(lambda: self._ends(left), left_s)

            return processes.wait_gone(wanted, timeout_s, say)

    def _ends(self, left: list[Process]) -> str:
        """What is waited for where these have not ended yet: a supervisor says itself what holds it up."""
        text = "for the end of " + ", ".join(f"{one.name}'s {one.part} (pid {one.pid})" for one in left)
        hosts = [host for host in VALIDATORS if any((one.name, one.part) == (host.name, "supervisor") for one in left)]
        waits = [said for host in hosts if (said := waits_text(pair.status(self.layout, host) or {}))]
        return f"{text}: it waits for {'; '.join(waits)}" if waits else text

    def _wipe(self) -> None:
        """Removes what we made and nothing else: the data directory may be any directory of the user's."""
        for name in OWN_DATA:
            path = self.layout.data / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def status(self) -> Status:
        """One look at everything."""
        return status.look(self.layout, self.judge)

    # ----- one part

    def start(self, name: str) -> None:
        """Starts what is missing of one part: the supervisor of a host, a node, a Consul server."""
        options = self.options()
        host, node = validator_named(name), node_named(name)
        environ = bring_up.environment(self.layout, options)
        if self.select(name, main_part(name)):
            raise Problem(f"{name} is running already.", f"See: bin/localnet logs {name}")
        if host:
            loss.mend(self.layout, host)
            pair.start(self.layout, host, options, environ)
        elif node:
            start_node(self.layout, node, environ)
        else:
            consul_cluster.start(self.layout, name, Path(options.consul))

    def stop(self, name: str, part: str = "", number: int = signal.SIGTERM) -> float:
        """Asks a part to end and waits for it; a supervisor takes guard and neard with it. Returns seconds."""
        return self._send(name, part or main_part(name), number, STOP_TIMEOUT_S)

    def kill(self, name: str, part: str = "", number: int = signal.SIGKILL) -> float:
        """Kills a part, by default all of a host as if it had lost its power. Returns seconds until it was gone."""
        default = HOST if validator_named(name) else "consul" if name in CONSUL_SERVERS else "neard"
        return self._send(name, part or default, number, KILL_TIMEOUT_S)

    def lose(self, name: str) -> float:
        """A host vanishes as if its cable were pulled, then its power: nobody says goodbye to its neard's peers.

        ``come_back`` lets it return. Returns seconds until its processes were gone.
        """
        host = self._losable(name, "lose", f"kill {name}, of which its peers hear")
        self._require(name, HOST)
        loss.cut(self.layout, host, self._neards)
        return self.kill(name, HOST)

    def _neards(self) -> dict[str, int]:
        """The pid of each neard that runs, by name of its node or host."""
        return {process.name: process.pid for process in processes.find(self.layout.data) if process.part == "neard"}

    def come_back(self, name: str) -> None:
        """A host that was lost starts again; its own dead connections stand in its way until TCP finds out."""
        self._losable(name, "return", f"start {name}")
        self.start(name)

    def _losable(self, name: str, command: str, instead: str) -> Validator:
        """The host ``name``. Raises Problem where it is none, or nobody can cut it off."""
        host = validator_named(name)
        if host is None:
            hosts = " or ".join(host.name for host in VALIDATORS)
            raise Problem(f"{name} is no host of the pair.", f"bin/localnet {command} takes {hosts}.")
        if self.options().neard:
            raise Problem(
                f"{command} {name} is refused with a real neard: only the kernel could drop the packets of its open"
                " connections, and bin/localnet does not touch this machine's firewall.",
                f"Use bin/localnet {instead}; to try a silent loss, unset NEARD and begin anew with a simulated one.",
            )
        return host

    def freeze(self, name: str) -> None:
        """SIGSTOP to every process of a part: it neither runs nor knows that time passes.

        A process that is at work on another core stops a moment after the signal was sent.
        """
        for process in self._require(name, HOST):
            process.signal(signal.SIGSTOP)
        deadline = time.monotonic() + KILL_TIMEOUT_S
        while not all(process.stopped for process in self.select(name, HOST)):
            if time.monotonic() > deadline:
                raise Problem(f"{name} does not stand still {KILL_TIMEOUT_S:g} s after SIGSTOP.")
            time.sleep(FREEZE_POLL_S)

    def thaw(self, name: str) -> None:
        """SIGCONT to every process of a part."""
        for process in self._require(name, HOST):
            process.signal(signal.SIGCONT)

    def select(self, name: str, part: str) -> list[Process]:
        """The live processes of one part; supervisors come before guards and these before neards."""
        if name not in NAMES:
            raise Problem(f"There is no {name!r} in this localnet.", f"Names are: {', '.join(NAMES)}")
        order = ("supervisor", "guard", "neard", "keeper", "consul")
        mine = [process for process in processes.find(self.layout.data) if process.name == name]
        return sorted((p for p in mine if part in (HOST, p.part)), key=lambda process: order.index(process.part))

    def _require(self, name: str, part: str) -> list[Process]:
        found = self.select(name, part)
        if not found:
            what = "process" if part == HOST else part
            raise Problem(f"{name}: no {what} is running.", f"Try: bin/localnet start {name}")
        return found

    def _send(self, name: str, part: str, number: int, timeout_s: float) -> float:
        wanted = self._require(name, part)
        began = time.monotonic()
        for process in wanted:
            process.signal(number)
        left = self._wait_gone(wanted, timeout_s)
        if left:
            pids = ", ".join(str(process.pid) for process in left)
            raise Problem(
                f"{name}: {part} (pid {pids}) is still there {timeout_s:g} s after {signal.Signals(number).name}.",
                f"See: bin/localnet logs {name}; or end it: bin/localnet kill {name} --part {part}",
            )
        return time.monotonic() - began

    # ----- waiting

    def options(self) -> Options:
        """What the localnet was started with. Raises Problem when it never was."""
        options = Options.load(self.layout.state_file)
        if options is None:
            raise Problem(f"There is no localnet in {self.layout.data}.", "Start one: bin/localnet up")
        return options

    def wait_until(self, what: str, true: Callable[[Status], bool], timeout_s: float) -> Status:
        """Looks again and again until `true`; returns that look. Raises Problem naming `what` was waited for."""
        deadline = time.monotonic() + timeout_s
        with self.progress.waiting() as waiting:
            while True:
                seen = status.look(self.layout)
                if true(seen):
                    return seen
                if time.monotonic() > deadline:
                    states = ", ".join(f"{host.name} {host.state}" for host in seen.hosts)
                    missing = f". {seen.missing}" if seen.missing else ""
                    raise Problem(f"Waited {max(timeout_s, 0):.0f} s in vain until {what}; now: {states}{missing}.")
                waiting.say(partial(_until, what, seen), deadline - time.monotonic())
                time.sleep(POLL_S)

    def wait_state(self, name: str, state: State, timeout_s: float) -> Status:
        """Waits until the host `name` is in `state`."""
        return self.wait_until(f"{name} is {state.value}", lambda seen: seen.state(name) == state.value, timeout_s)


def _until(what: str, seen: Status) -> str:
    return f"until {what}" + (f" ({seen.missing})" if seen.missing else "")


def main_part(name: str) -> str:
    """The process that keeps a part going: its absence means that the part has to be started."""
    if validator_named(name):
        return "supervisor"
    # The keeper would start its server again.
    return "keeper" if name in CONSUL_SERVERS else "neard"
