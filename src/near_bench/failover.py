"""`bin/bench failover` and `bin/bench switchover`: plays every event many times and reports how long nobody signed."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from near_bench.result import HEADER, NUMBERS, Result, Run, notes, shown
from near_bench.rows import Row
from near_localnet.layout import Layout
from near_localnet.options import Options
from near_localnet.problem import Problem
from near_localnet.progress import Progress
from near_measure import json_file, machine
from near_measure.evidence import evidence
from near_measure.stage import ROOT, Stage, raised
from near_measure.table import aligned

DONE, FAILED, MISSED = 0, 1, 3
DIGITS = 6
HEARTBEATS_PER_LEASE = 10
SETTINGS = ("lease_s", "block_time_ms", "start_delay_ms", "strategy", "others_stake", "direct_links")


class Failover:
    """The benchmark at work on one stage; `results` grow as it goes, and stay when it is interrupted."""

    def __init__(
        self, rows: Sequence[Row], runs: int, options: Options, progress: Progress, kind: type[Stage] = Stage
    ) -> None:
        self.results = [Result(row, options, runs) for row in rows]
        self.double_signatures = 0
        self.overlaps = 0
        self.signatures = 0
        self.options = options
        self._progress = progress
        self._kind = kind

    def play(self, layout: Layout) -> None:
        """Every run of every row. Raises Problem when the localnet cannot be put right any more."""
        with raised(self.options, layout, self._progress, self._kind) as stage:
            try:
                for result in self.results:
                    for number in range(result.wanted):
                        self._run(stage, result, number)
            finally:
                self._judge(stage)

    def _run(self, stage: Stage, result: Result, number: int) -> None:
        began = time.monotonic()
        self._make_ready(stage)
        # Each run strikes at another moment between two heartbeats.
        time.sleep(self.options.lease_s / HEARTBEATS_PER_LEASE * number / result.wanted)
        signer = stage.roles()[0].name
        title = f"{result.row.name} {number + 1}/{result.wanted}"
        try:
            before = stage.missed()
            measured = result.row.play(stage)
            stage.require_clean()
            missed = stage.missed_since(before)
            run = Run(signer, {key: round(value, DIGITS) for key, value in measured.items()}, missed=missed)
            units = {measure.key: measure.unit for measure in result.row.measures}
            said = ", ".join(f"{key} {shown(value, units[key])}" for key, value in run.values.items())
            said += f", missed {missed.blocks} blocks and {missed.chunks} chunks" if missed else ""
        except Problem as problem:
            run = Run(signer, {}, problem.message)
            said = f"FAILED: {problem.message}"
            _show(f"{title} failed: {problem}", stage)
        result.runs.append(run)
        print(f"{title:<28}{signer}: {said} ({time.monotonic() - began:.1f} s)", file=sys.stderr, flush=True)

    def _make_ready(self, stage: Stage) -> None:
        """All is well on the stage, if need be after taking it down and up: one bad run must not cost all others."""
        try:
            stage.restore()
            stage.ready_to_take()
        except Problem as problem:
            _show(f"the localnet could not be put right: {problem}", stage)
            stage.net.down()
            stage.net.up(self.options, self._progress)
            stage.restore()

    def _judge(self, stage: Stage) -> None:
        judged = stage.net.judge.verdict()
        if judged:
            self.double_signatures, self.overlaps = judged.double_signatures, judged.overlaps
            self.signatures = judged.signatures

    @property
    def status(self) -> int:
        """DONE, FAILED (a run failed or is missing, or something was signed twice), or MISSED (a bound)."""
        if self.double_signatures or self.overlaps or not all(result.complete for result in self.results):
            return FAILED
        met = [result.met(measure) for result in self.results for measure in result.row.measures]
        return MISSED if False in met else DONE

    def table(self) -> str:
        """The table, the notes on it, and the verdict."""
        lines = [line for result in self.results for line in result.lines()]
        words = [aligned(HEADER, lines, NUMBERS), "", *notes(self.results), "", self.verdict()]
        return "\n".join(words)

    def verdict(self) -> str:
        """The referee's findings over all runs."""
        if self.options.neard:
            return "referee: none, a real neard writes no log of what it signs"
        return (
            f"referee: {self.double_signatures} double signatures, {self.overlaps} times two holders of one key,"
            f" in {self.signatures} signatures"
        )

    def as_json(self, facts: dict[str, Any], took_s: float) -> dict[str, Any]:
        """Everything that was measured, with what it was measured on."""
        return {
            "benchmark": "failover",
            "machine": facts,
            "settings": {name: getattr(self.options, name) for name in SETTINGS},
            "took_s": round(took_s, 1),
            "double_signatures": self.double_signatures,
            "overlaps": self.overlaps,
            "signatures": self.signatures,
            "status": self.status,
            "rows": [result.as_json() for result in self.results],
        }


def _show(what: str, stage: Stage) -> None:
    print(f"--- {what}\n{evidence(stage.net)}\n---", file=sys.stderr, flush=True)


def run(bench: Failover, layout: Layout, file: Path | None) -> int:
    """The whole command; its exit status. What was measured is shown and kept also when it ends early."""
    began = time.monotonic()
    problem: Problem | None = None
    try:
        bench.play(layout)
    except Problem as error:
        problem = error
    finally:
        facts = machine.facts(ROOT, bench.options.neard)
        if file:
            json_file.write(file, bench.as_json(facts, time.monotonic() - began))
        print(f"\n{bench.table()}")
    if problem:
        print(f"bench: {problem}", file=sys.stderr)
        return FAILED
    if bench.status == MISSED:
        print("bench: a bound was missed; see the last column", file=sys.stderr)
    return bench.status
