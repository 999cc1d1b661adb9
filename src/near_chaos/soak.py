"""The soak: strikes, heals, judges, again and again until its time is over."""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from near_chaos.daemons import Daemons
from near_chaos.faults import FAULTS, Fault
from near_localnet.problem import Problem
from near_measure import pressure
from near_measure.clock import NS, boot_ns, seconds
from near_measure.signatures import longest_silence
from near_measure.stage import Stage

SECOND_FAULT = 0.25
# In leases, after the strike.
LATEST_EFFECT = 1.0
LATEST_HEALING = 1.5


@dataclass(frozen=True)
class Struck:
    """One strike: at which second of the soak, what, how long nobody signed and how long that may be.

    ``busy_s``: for how long in that time somebody waited for a processor, so that less could be expected.
    """

    number: int
    at_s: float
    faults: tuple[str, ...]
    signer: str
    silence_s: float
    bound_s: float
    busy_s: float = 0.0

    @property
    def kept(self) -> bool:
        """Was the bound?"""
        return self.silence_s <= self.bound_s

    @property
    def excused(self) -> bool:
        """It was not, and the machine was too busy for that to mean anything."""
        return not self.kept and self.silence_s <= self.bound_s + self.busy_s


@dataclass
class Report:
    """What a soak has come to. ``failure`` says why it ended early; "" = it did not."""

    seed: int
    minutes: float
    struck: list[Struck] = field(default_factory=list)
    failure: str = ""
    double_signatures: int = 0
    overlaps: int = 0
    signatures: int = 0
    growth_mb: float = 0.0
    growth_descriptors: int = 0

    @property
    def late(self) -> list[Struck]:
        """Those that took longer than their bound, though the machine had time."""
        return [struck for struck in self.struck if not struck.kept and not struck.excused]

    @property
    def excused(self) -> list[Struck]:
        """Those that took longer than their bound on a machine that had no time."""
        return [struck for struck in self.struck if struck.excused]

    def as_json(self) -> dict[str, Any]:
        """Everything."""
        return {"benchmark": "chaos", **asdict(self), "late": [struck.number for struck in self.late]}


def plan(rng: random.Random) -> tuple[Fault, ...]:
    """What strikes next: one fault, at times with a second one that lasts into it."""
    first = rng.choice(FAULTS)
    others = [fault for fault in FAULTS if fault.companion and fault is not first]
    return (rng.choice(others), first) if rng.random() < SECOND_FAULT else (first,)


def bound_s(faults: tuple[Fault, ...], lease_s: float, delay_s: float, lasted_s: float) -> float:
    """Of two at a time: as if one came after the other, and one more lease for what has to start anew.

    Where the standby was struck first, nobody can take over before somebody heals it: ``lasted_s`` after the strike.
    """
    bounds = [fault.bound(lease_s, delay_s) for fault in faults]
    if len(bounds) == 1:
        return bounds[0]
    return sum(bounds) + lease_s + delay_s + (lasted_s if faults[0].leaves_one else 0)


class Soak:
    """One soak on one stage."""

    def __init__(self, stage: Stage, seed: int, minutes: float) -> None:
        self._stage, self._rng = stage, random.Random(seed)  # noqa: S311 - to be played again
        self._daemons = Daemons(stage.net)
        self.report = Report(seed, minutes)

    def run(self, clock: Callable[[], float] = time.monotonic) -> Report:
        """Until the time is over, or something did not happen that had to. Never raises Problem."""
        began = clock()
        try:
            while clock() - began < self.report.minutes * 60:
                self._strike(clock() - began)
        except Problem as problem:
            self.report.failure = problem.message
        finally:
            self._judge()
        return self.report

    def _strike(self, at_s: float) -> None:
        stage, rng = self._stage, self._rng
        stage.restore()
        self._daemons.look()
        signer, faults = stage.roles()[0].name, plan(rng)
        # Each strikes at another moment between two heartbeats.
        time.sleep(rng.uniform(0, stage.options.lease_s / 5))
        # A standby whose own leaderships ended early lets the other one go first, and comes that much later.
        held_back = stage.holds_back_s(stage.roles()[1])
        since, waited_s = boot_ns(), pressure.cpu_waited_s()
        for fault in faults:
            # The first one may have left nothing for the second to strike.
            try:
                fault.strike(stage, rng)
            except Problem:
                if fault is faults[0]:
                    raise
        lease_s = stage.options.lease_s
        # Somebody heals it at some time; what is slow to show is waited for.
        least = LATEST_EFFECT if any(fault.slow for fault in faults) else 0.0
        stage.watch(boot_ns() + round(rng.uniform(least, LATEST_HEALING) * lease_s * NS))
        lasted_s = seconds(since, boot_ns())
        stage.restore()
        until, busy = boot_ns(), round(pressure.cpu_waited_s() - waited_s, 2)
        silence = longest_silence(stage.signatures(), since, until)
        bound = round(bound_s(faults, lease_s, stage.options.start_delay_ms / 1000, lasted_s) + held_back, 1)
        struck = Struck(
            len(self.report.struck) + 1, round(at_s, 1), tuple(f.name for f in faults), signer, silence, bound, busy
        )
        self.report.struck.append(struck)
        late = "" if struck.kept else f"  LATE; for {busy:g} s somebody waited for a processor"
        print(
            f"{at_s:7.1f} s  {' + '.join(struck.faults):<44}{signer}: nobody signed for {silence:.2f} s, at most"
            f" {bound:g} s{late}",
            file=sys.stderr,
            flush=True,
        )
        stage.require_clean()
        stage.forget(since)

    def _judge(self) -> None:
        judged = self._stage.net.judge.verdict()
        if judged:
            self.report.double_signatures, self.report.overlaps = judged.double_signatures, judged.overlaps
            self.report.signatures = judged.signatures
        self.report.growth_mb, self.report.growth_descriptors = self._daemons.growth()


def table(report: Report) -> list[tuple[str, ...]]:
    """A line for each kind of fault that struck alone: how often, the longest silence, its bound."""
    alone = Counter(struck.faults[0] for struck in report.struck if len(struck.faults) == 1)
    lines: list[tuple[str, ...]] = []
    for fault in FAULTS:
        if not alone[fault.name]:
            continue
        mine = [struck for struck in report.struck if struck.faults == (fault.name,)]
        longest = max(mine, key=lambda struck: struck.silence_s)
        kept = "yes" if all(struck.kept for struck in mine) else "NO"
        lines.append((fault.text, str(len(mine)), f"{longest.silence_s:.2f} s", f"{longest.bound_s:g} s", kept))
    two = [struck for struck in report.struck if len(struck.faults) > 1]
    if two:
        longest = max(two, key=lambda struck: struck.silence_s)
        kept = "yes" if all(struck.kept for struck in two) else "NO"
        lines.append(("two at a time", str(len(two)), f"{longest.silence_s:.2f} s", f"{longest.bound_s:g} s", kept))
    return lines
