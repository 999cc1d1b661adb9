"""The story that users of kuutamod told, played again: what went wrong there has to go right here."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from dataclasses import asdict

from near_ha.records.states import State
from near_localnet import bring_up, pair, processes, render
from near_localnet.demo_gap import DemoGap
from near_localnet.layout import SIGNER, VALIDATORS, Validator
from near_localnet.localnet import Localnet
from near_localnet.options import Options
from near_localnet.problem import Problem
from near_localnet.progress import Progress
from near_localnet.status import DOWN
from near_localnet.verdict import NS, Verdict

SLACK_S = 1.0
SLACK_BLOCKS = 10
"""On top of lease and start delay: the new signer waits for blocks above what the old one may have signed, and a
machine may be busy. The benchmark holds the tight bounds."""
RETURN_TIMEOUT_S = 30.0
POLL_S = 0.05
LOCK_ERROR = "While lock file"


def play(net: Localnet, options: Options, *, as_json: bool, keep: bool) -> int:
    """Plays all steps and prints the gaps; 0 when every step held and nothing was signed twice.

    Raises Problem, after what has been found so far, when a step could not be played to its end.
    """
    story = Demo(net, options, net.progress)
    was_up = bool(processes.find(net.layout.data))
    failure: Problem | None = None
    try:
        story.play()
    except Problem as problem:
        failure = Problem(f"{problem.message}\n{bring_up.evidence(net)}".rstrip(), problem.hint)
    finally:
        if not (keep or was_up):
            net.down()
    judged = net.judge.verdict()
    _report(story.gaps, judged, failure, as_json)
    if failure:
        raise failure
    held = all(gap.held for gap in story.gaps) and (judged is None or judged.clean)
    return 0 if held else 1


class Demo:
    """The steps, and the gaps they have made so far."""

    def __init__(self, net: Localnet, options: Options, progress: Progress) -> None:
        self.gaps: list[DemoGap] = []
        self._net = net
        self._options = options
        self._progress = progress

    def play(self) -> None:
        """All steps in order. Raises Problem at the first that does not hold."""
        self._begin()
        lease, block = self._options.lease_s, self._options.block_time_ms
        self._progress.say(
            f"lease {lease:g} s, a block every {block} ms, neard starts in {self._options.start_delay_ms} ms"
        )
        at_once = (self._options.start_delay_ms + SLACK_BLOCKS * self._options.block_time_ms) / 1000 + SLACK_S
        after_lease = self._options.lease_s + at_once
        stopped = self._takeover(
            "graceful stop (Ctrl-C)", at_once, lambda name: self._net.stop(name, number=signal.SIGINT)
        )
        self._come_back(stopped)
        killed = self._takeover(
            "supervisor SIGKILLed, not restarted", after_lease, lambda name: self._net.kill(name, "supervisor")
        )
        self._come_back(killed)
        killed = self._takeover("supervisor and guard SIGKILLed", after_lease, self._kill_supervisor_and_guard)
        self._come_back(killed)
        victim = self._takeover("neard SIGKILLed", at_once, lambda name: self._net.kill(name, "neard"))
        with self._progress.step(victim.name, "is back by itself, as Voting"):
            self._net.wait_state(victim.name, State.VOTING, RETURN_TIMEOUT_S)

    def _begin(self) -> None:
        seen = self._net.status()
        if not (seen.healthy or seen.at_work):
            self._net.up(self._options, self._progress)
            return
        self._options = self._net.options()
        self._progress.say("using the localnet that is up, with what it was started with")
        for name, state in seen.states().items():
            if state == DOWN:
                with self._progress.step(name, "is down, and is started again"):
                    self._net.start(name)
        self._net.wait_until("everything runs", lambda now: now.healthy, RETURN_TIMEOUT_S)

    def _kill_supervisor_and_guard(self, name: str) -> None:
        """What `screen -X kill` did to kuutamod: all of it at once, nobody left to clean up."""
        doomed = [*self._net.select(name, "supervisor"), *self._net.select(name, "guard")]
        for process in doomed:
            process.signal(signal.SIGKILL)
        processes.wait_gone(doomed, RETURN_TIMEOUT_S)

    def _takeover(self, event: str, bound_s: float, strike: Callable[[str], object]) -> Validator:
        """Strikes the active host and sees the other take over; returns the one that was struck."""
        active = self._net.status().active
        old = next((host for host in VALIDATORS if host.name == active), None)
        if old is None:
            raise Problem(f"{event}: nobody is Validating.")
        new = next(host for host in VALIDATORS if host != old)
        self._wait_for_signature(old)
        with self._progress.step(old.name, f"{event}; {new.name} takes over"):
            since_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
            strike(old.name)
            self._net.wait_state(new.name, State.VALIDATING, bound_s + RETURN_TIMEOUT_S)
            self._require_metric(new, State.VALIDATING)
            if self._net.status().host(old.name).armed:
                raise Problem(f"{event}: {old.name} is armed still, and so is {new.name}.")
            self.gaps.append(DemoGap(event, old.name, new.name, self._gap(new, since_ns), bound_s))
        return old

    def _come_back(self, host: Validator) -> None:
        """Starts a struck host again: it has to become the standby, and nothing may stumble over a lock."""
        logs = [self._net.layout.log(host.name), self._net.layout.run_dir(host) / "neard.log"]
        sizes = [log.stat().st_size if log.exists() else 0 for log in logs]
        with self._progress.step(host.name, "started again, comes back as Voting"):
            self._net.start(host.name)
            self._net.wait_state(host.name, State.VOTING, RETURN_TIMEOUT_S)
            self._require_metric(host, State.VOTING)
            for log, size in zip(logs, sizes, strict=True):
                if log.exists() and LOCK_ERROR in log.read_text(errors="replace")[size:]:
                    raise Problem(f"{host.name}: its neard found its own data locked.", f"See {log}")

    def _require_metric(self, host: Validator, state: State) -> None:
        """The line that the tutorial greps for."""
        line = f'kuutamod_state{{type="{state.value}"}} 1'
        if line not in pair.metrics(self._net.layout, host).splitlines():
            raise Problem(f"{host.name}: its metrics do not say {line}.")

    def _wait_for_signature(self, old: Validator) -> None:
        """A signer that was struck before it signed is none that another one takes over from."""
        deadline = time.monotonic() + RETURN_TIMEOUT_S
        while self._net.layout.referee_log.exists() and self._net.judge.signer(SIGNER) != old.home_name:
            if time.monotonic() > deadline:
                raise Problem(f"{old.name} is Validating, but has signed nothing for {RETURN_TIMEOUT_S:g} s.")
            time.sleep(POLL_S)

    def _gap(self, new: Validator, since_ns: int) -> float:
        """Waits for the first signature of the new one; a real neard writes no such log, then it is time of day."""
        deadline = time.monotonic() + RETURN_TIMEOUT_S
        while self._net.layout.referee_log.exists():
            gap = self._net.judge.gap(SIGNER, new.home_name, since_ns)
            if gap is not None:
                return gap.gap_ms / 1000
            if time.monotonic() > deadline:
                raise Problem(f"{new.name} is Validating, but has signed nothing for {RETURN_TIMEOUT_S:g} s.")
            time.sleep(POLL_S)
        return (time.clock_gettime_ns(time.CLOCK_BOOTTIME) - since_ns) / NS


def _report(found: list[DemoGap], judged: Verdict | None, failure: Problem | None, as_json: bool) -> None:
    if as_json:
        report = {
            "gaps": [{**asdict(gap), "held": gap.held} for gap in found],
            "verdict": asdict(judged) if judged else None,
            "failure": failure.message if failure else None,
        }
        print(json.dumps(report))
        return
    console = render.console()
    if found:
        console.print()
        console.print(render.gap_table(found), soft_wrap=True)
    if judged:
        console.print()
        console.print(f"referee: {judged.text}", style="green" if judged.clean else "bold red")
    if failure:
        return
    late = [gap.event for gap in found if not gap.held]
    if late:
        console.print(f"Too slow: {', '.join(late)}.", style="bold red")
    else:
        console.print("Every step held.", style="bold green")
