"""The command line of `bin/chaos`."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from near_chaos import containers
from near_chaos.faults import FAULTS
from near_chaos.soak import Report, Soak, table
from near_localnet.layout import Layout
from near_localnet.options import Options
from near_localnet.problem import Problem
from near_localnet.progress import Progress
from near_measure import json_file, machine
from near_measure.evidence import evidence
from near_measure.report import text as markdown
from near_measure.stage import ROOT, Stage, end_by_signal, layout_of_own, raised
from near_measure.table import aligned

DONE, FAILED, MISSED, INTERRUPTED = 0, 1, 3, 130
GROWTH_MB = 5.0
HEADER = ("fault", "times", "longest silence", "at most", "kept")
DESCRIPTION = """\
Strikes a localnet with faults at random, within what it has to survive, and lets the log of all signatures judge: did
two ever sign, and how long did nobody. Everything stays on loopback, and ends by itself."""
EPILOG = """\
faults:
{faults}

A quarter of the strikes are two at a time. A seed chooses the same faults again; what they meet is another moment each
time. After a failure all logs and what the processes said last are in .data/chaos/SEED.

exit status:
  0    every bound was kept, nothing was signed twice
  1    something was signed twice, or was not put right within its time
  2    wrong usage
  3    nothing was signed twice, but nobody signed for longer than a bound and the time in which processes waited
       for a processor, or a daemon grew by more than 5 MB
  130  interrupted"""


def main(argv: Sequence[str] | None = None) -> int:
    """One soak; its exit status."""
    options = parser().parse_args(argv)
    end_by_signal()
    try:
        if options.molecule:
            return on_containers(options)
        with layout_of_own(options.data, options.instance) as layout:
            return soak(layout, options)
    except Problem as problem:
        print(f"chaos: {problem}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("chaos: interrupted; its localnet is down", file=sys.stderr)
        return INTERRUPTED


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    faults = "\n".join(f"  {fault.name:<30}{fault.text}" for fault in FAULTS)
    top = argparse.ArgumentParser(
        prog="bin/chaos",
        description=DESCRIPTION,
        epilog=EPILOG.format(faults=faults),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--minutes", type=float, default=5.0, metavar="N", help="how long (default: 5)")
    top.add_argument(
        "--molecule", action="store_true", help="cases of the scenarios failover-* in containers instead of a localnet"
    )
    top.add_argument("--seed", type=int, metavar="S", help="which faults (default: another one each time)")
    top.add_argument("--json", type=Path, metavar="FILE", help="write every strike there")
    top.add_argument("--instance", type=int, metavar="N", help="the localnet's addresses 127.0.N.x (default: free)")
    top.add_argument("--data", type=Path, metavar="DIR", help="the localnet's data, kept (default: temporary)")
    return top


def soak(layout: Layout, options: argparse.Namespace) -> int:
    """Up, strike, down; the exit status."""
    seed = begun(options)
    with raised(Options(block_time_ms=100), layout, Progress()) as stage:
        work = Soak(stage, seed, options.minutes)
        report = work.run()
        status = verdict(report)
        if status != DONE:
            print(f"chaos: logs and evidence are in {keep(stage, seed)}", file=sys.stderr)
    if options.json:
        json_file.write(options.json, {**report.as_json(), "machine": machine.facts(ROOT)})
    print("\n" + "\n".join(said(report)))
    return status


def begun(options: argparse.Namespace) -> int:
    """The seed, which is said before anything can fail."""
    seed: int = random.SystemRandom().randrange(1_000_000) if options.seed is None else options.seed
    print(f"chaos: seed {seed}, {options.minutes:g} minutes", file=sys.stderr, flush=True)
    return seed


def on_containers(options: argparse.Namespace) -> int:
    """The soak on containers; the exit status."""
    played, failed, cases = containers.soak(options.minutes, begun(options))
    if options.json:
        json_file.write(options.json, {"benchmark": "containers", "cases": cases})
    if cases:
        print("\n" + markdown({"benchmark": "containers", "cases": cases}))
    print(f"\n{len(played)} cases, {len(failed)} failed")
    for choice in failed:
        print(f"chaos: {choice.case}; what its hosts said: .data/molecule/{choice.scenario}", file=sys.stderr)
    return FAILED if failed else DONE


def verdict(report: Report) -> int:
    """The exit status of a soak."""
    if report.failure or report.double_signatures or report.overlaps:
        return FAILED
    return MISSED if report.late or report.growth_mb > GROWTH_MB else DONE


def said(report: Report) -> list[str]:
    """What it has come to, for people."""
    lines = [aligned(HEADER, [list(line) for line in table(report)], (1, 2, 3)), ""]
    lines.append(
        f"seed {report.seed}: {len(report.struck)} strikes, {len(report.late)} beyond their bound"
        + (f", {len(report.excused)} more while the machine was busy;" if report.excused else ";")
        + f" {sum(len(struck.faults) for struck in report.struck)} faults;"
        f" {report.double_signatures} double signatures, {report.overlaps} times two holders of one key,"
        f" in {report.signatures} signatures"
    )
    lines.append(f"a daemon grew by {report.growth_mb:g} MB and {report.growth_descriptors} descriptors at the most")
    if report.failure:
        lines.append(f"ended early: {report.failure}")
    return lines


def keep(stage: Stage, seed: int) -> Path:
    """Puts the logs of all processes, and what they are now, where they outlive the localnet."""
    place = ROOT / ".data" / "chaos" / str(seed)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    layout = stage.net.layout
    shutil.copytree(layout.data / "logs", place / "logs")
    shutil.copy(layout.referee_log, place)
    for file in layout.near.glob("*/run/neard.log"):
        shutil.copy(file, place / "logs" / f"{file.parent.parent.name}.neard.log")
    (place / "evidence.txt").write_text(evidence(stage.net) + "\n")
    return place
