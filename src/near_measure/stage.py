"""A localnet of one's own to play failures on: brought up for this, put right between them, ended in any case."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from near_ha.errors import NearError
from near_ha.transport import control_client
from near_localnet import chain, consul_cluster
from near_localnet.layout import (
    CHAIN_NODES,
    NAMES,
    SIGNER,
    VALIDATORS,
    Layout,
    Validator,
    validator_named,
)
from near_localnet.localnet import HOST, Localnet, main_part
from near_localnet.options import Options
from near_localnet.ports import require_free
from near_localnet.problem import Problem
from near_localnet.progress import Progress
from near_measure.clock import NS, boot_ns, polls, seconds, wait_for
from near_measure.signatures import Signature, SignatureLog, longest_silence

ROOT = Path(__file__).resolve().parents[2]
INSTANCES = range(130, 250)
"""Far from those that people choose by hand."""
RESTORE_TIMEOUT_S = 60.0
TAKEOVER_TIMEOUT_S = 40.0
STEADY_S = 1.0
PAUSE_BLOCKS = 5
COUNTED_AFTER_BLOCKS = 3
SHORTEST_PAUSE_S = 0.5


@dataclass(frozen=True)
class Missed:
    """Blocks and chunks that were owed and not made."""

    blocks: int
    chunks: int


class Stage:
    """The localnet, and what its common signer has signed. Problem is raised by whatever cannot be brought about."""

    takeover_timeout_s = TAKEOVER_TIMEOUT_S

    def __init__(self, net: Localnet, options: Options) -> None:
        self.net = net
        self.options = options
        self._log = SignatureLog(net.layout.referee_log, SIGNER)

    # ----- before an event

    def restore(self) -> None:
        """Puts everything right: thaws what is frozen, starts what is missing, waits for a steady signer."""
        for name in NAMES:
            if any(process.stopped for process in self.net.select(name, HOST)):
                self.net.thaw(name)
            if not self.net.select(name, main_part(name)):
                self.net.start(name)
        self.net.wait_until("one validates and the other votes", lambda seen: seen.healthy, RESTORE_TIMEOUT_S)
        if not wait_for(lambda: consul_cluster.ready(self.net.layout), RESTORE_TIMEOUT_S):
            raise Problem("Consul has no three servers that agree.")
        self.steady(STEADY_S)

    def holds_back_s(self, host: Validator) -> float:
        """How long `host` still lets the other one go first, as its leaderships ended early; 0 if it does not say."""
        try:
            status = control_client.call(self.net.layout.run_dir(host) / "control.sock", "GET", "/status")
        except NearError:
            return 0.0
        return float(status["holds_back_ms"]) / 1000

    def ready_to_take(self) -> None:
        """Waits until the standby lets nobody go first: that a pair does not flap is not what is measured."""
        standby = self.roles()[1]
        if not wait_for(lambda: not self.holds_back_s(standby), RESTORE_TIMEOUT_S):
            raise Problem(f"{standby.name} still holds back after {RESTORE_TIMEOUT_S:g} s.")

    def steady(self, for_s: float) -> None:
        """Waits until the signer has signed for that long without a pause of several blocks."""
        longest = max(SHORTEST_PAUSE_S, PAUSE_BLOCKS * self.options.block_time_ms / 1000)

        def is_steady() -> bool:
            now = boot_ns()
            return longest_silence(self.signatures(), now - round(for_s * NS), now) <= longest

        if not wait_for(is_steady, RESTORE_TIMEOUT_S):
            raise Problem(f"Nobody has signed for {for_s:g} s without a pause of {longest:g} s.")

    def roles(self) -> tuple[Validator, Validator]:
        """The host that validates, and the other one."""
        active = validator_named(self.net.wait_until("one validates", lambda seen: bool(seen.active), 10).active)
        standby = next(host for host in VALIDATORS if host != active)
        if active is None:
            raise Problem("Nobody is Validating.")
        return active, standby

    def neard_pid(self, host: Validator) -> int:
        """The process that signs on `host`. Raises Problem when there is none."""
        for process in self.net.select(host.name, "neard"):
            return process.pid
        raise Problem(f"{host.name} has no neard.")

    # ----- what the referee's log says

    def signatures(self) -> list[Signature]:
        """All signatures of the common signer so far."""
        return list(self._log.poll())

    def blocks(self) -> list[Signature]:
        """All blocks that the other validators have made so far, in order of their time."""
        logs = [SignatureLog(self.net.layout.referee_log, node.name) for node in CHAIN_NODES]
        made = [one for log in logs for one in log.poll() if one.kind == "block"]
        return sorted(made, key=lambda one: one.boot_ns)

    def forget(self, before_ns: int) -> None:
        """Signatures from before then are not wanted any more."""
        self._log.forget(before_ns)

    def takeover(self, new: Validator, since_ns: int) -> float:
        """Waits until `new` signs; the gap in seconds by the referee: last signature of the old one to its first."""
        for now in polls(since_ns + round(self.takeover_timeout_s * NS)):
            gap = self.net.judge.gap(SIGNER, new.home_name, since_ns)
            if gap is not None:
                return gap.gap_ms / 1000
            if now - since_ns > self.takeover_timeout_s * NS:
                break
        raise Problem(f"{new.name} has signed nothing {self.takeover_timeout_s:g} s after the event.")

    def lose(self, host: Validator) -> None:
        """`host` vanishes, and nobody hears a goodbye."""
        self.net.lose(host.name)

    def come_back(self, host: Validator) -> None:
        """A host that was lost starts again."""
        self.net.start(host.name)

    def close(self) -> None:
        """Nothing is left behind beside the localnet."""

    def pass_time(self, until_ns: int) -> None:
        """Lets time pass until `until_ns`, because what must not happen shows only if one looks for long enough."""
        for _turn in polls(until_ns):
            pass

    def watch(self, until_ns: int) -> list[Signature]:
        """As ``pass_time``; all signatures until then."""
        self.pass_time(until_ns)
        return self.signatures()

    def missed(self) -> Missed | None:
        """What the signer has missed in this epoch so far; None if the chain does not say."""
        found = chain.missed(self.net.layout)
        return Missed(*found) if found else None

    def missed_since(self, before: Missed | None) -> Missed | None:
        """What it has missed since, with the blocks that were under way; None if the chain does not say."""
        self.pass_time(boot_ns() + COUNTED_AFTER_BLOCKS * self.options.block_time_ms * 1_000_000)
        after = self.missed()
        return Missed(after.blocks - before.blocks, after.chunks - before.chunks) if after and before else None

    def require_clean(self) -> None:
        """Raises Problem when the referee has found a double signature or two holders of one key."""
        judged = self.net.judge.verdict()
        if judged is None or not judged.clean:
            raise Problem(f"The referee: {judged.text if judged else 'there is no log'}.")

    def require_silent(self, host: Validator, since_ns: int) -> None:
        """Raises Problem when `host` has signed anything since."""
        signed = [s for s in self.signatures() if s.home == host.home_name and s.boot_ns >= since_ns]
        if signed:
            late = seconds(since_ns, signed[-1].boot_ns)
            raise Problem(f"{host.name} signed {len(signed)} times up to {late:.2f} s after it never should again.")


def end_by_signal() -> None:
    """From now on SIGTERM and SIGINT raise KeyboardInterrupt, so that ``raised`` takes its localnet down.

    A shell lets what it starts in the background ignore SIGINT, and Python leaves that so.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


def free_instance() -> int:
    """A number for a localnet whose addresses nobody uses now. Raises Problem when all are taken."""
    for number in range(len(INSTANCES)):
        instance = INSTANCES[(os.getpid() + number) % len(INSTANCES)]
        layout = Layout(Path("/nonexistent"), instance)
        try:
            require_free([*consul_cluster.needed_ports(layout), *chain.needed_ports(layout)], "")
        except Problem:
            continue
        return instance
    raise Problem("Every loopback address that could be used is taken.", "Are localnets left over? Give --instance N.")


@contextmanager
def layout_of_own(data: Path | None = None, instance: int | None = None) -> Iterator[Layout]:
    """A layout nobody else uses; a data directory made for it is removed in the end."""
    made = None if data else Path(tempfile.mkdtemp(prefix="near-bench-"))
    try:
        yield Layout.make(ROOT, data or made, free_instance() if instance is None else instance)
    finally:
        if made:
            shutil.rmtree(made, ignore_errors=True)


@contextmanager
def raised(
    options: Options, layout: Layout, progress: Progress | None = None, kind: type[Stage] = Stage
) -> Iterator[Stage]:
    """A localnet that is up, and down afterwards whatever happened."""
    net = Localnet(layout, ROOT / ".tools")
    stage = kind(net, options)
    try:
        net.up(options, progress)
        yield stage
    finally:
        stage.close()
        net.down()
