"""Breaks each rule in turn in a copy of the tree, and sees its tests go red."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from breaks.catalogue import BREAKS, Break
from breaks.mutants import BUDGET, MUTANTS, Mutant

ROOT = Path(__file__).resolve().parent.parent.parent
COPIED = ("src", "plugins", "tests", "pyproject.toml")
TIMEOUT_S = 180


def main() -> int:
    """Exit status 0 when every break was noticed, 1 when one survived, 2 when one no longer applies."""
    parser = argparse.ArgumentParser(
        prog="bin/breaks",
        description="Breaks each rule in turn in a copy of the tree, and sees its tests, or the simulation, go red.",
        epilog="exit status: 0 every break was noticed; 1 one survived, a hole in the tests; 2 one no longer applies",
    )
    parser.add_argument("-k", metavar="TEXT", default="", help="only breaks whose rule has this text")
    parser.add_argument("--list", action="store_true", help="print the rules and end")
    parser.add_argument("--only", choices=("tests", "simulation"), help="only what the one or the other has to notice")
    given = parser.parse_args()
    every = {"tests": BREAKS, "simulation": MUTANTS, None: (*BREAKS, *MUTANTS)}[given.only]
    chosen = [one for one in every if given.k in one.rule]
    if given.list:
        sys.stdout.write("".join(f"{one.rule}\n" for one in chosen))
        return 0
    began = time.monotonic()
    outcomes = [_play(one) for one in chosen]
    noticed = outcomes.count("noticed")
    sys.stdout.write(f"{noticed} noticed, {len(chosen) - noticed} not, in {time.monotonic() - began:.0f} s\n")
    if "STALE" in outcomes:
        return 2
    return 0 if chosen and noticed == len(chosen) else 1


def _play(one: Break) -> str:
    with tempfile.TemporaryDirectory(prefix="near-break-") as name:
        copy = Path(name)
        for part in COPIED:
            source = ROOT / part
            (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / part)
        outcome, how = _outcome(copy, one)
    sys.stdout.write(f"{outcome:<9} {one.rule}{how}\n")
    sys.stdout.flush()
    return outcome


def _outcome(copy: Path, one: Break) -> tuple[str, str]:
    target = copy / one.file
    text = target.read_text()
    if text.count(one.old) != 1:
        return "STALE", ""
    target.write_text(text.replace(one.old, one.new))
    command = _schedules(one.profile) if isinstance(one, Mutant) else _tests(one.tests)
    # An installed near_supervisor points to the real tree; the copy has to win.
    path = os.pathsep.join(str(copy / part) for part in ("src", "plugins/module_utils", "tests", "tests/simulation"))
    environment = {**os.environ, "PYTHONPATH": path}
    try:
        run = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, timeout=TIMEOUT_S, check=False, text=True
        )
    except subprocess.TimeoutExpired:
        return "STALE", f": still running after {TIMEOUT_S} s"
    # 1 = tests ran and some failed. Anything else but 0 says nothing about the rule.
    if run.returncode not in (0, 1):
        sys.stdout.write(run.stdout[-2000:] + run.stderr[-2000:])
        return "STALE", ""
    how = _how(run.stdout) if isinstance(one, Mutant) else ""
    if " BUG: " in how:
        # It broke the program, not the rule.
        return "STALE", how
    return ("noticed" if run.returncode else "SURVIVED"), how


def _tests(tests: str) -> list[str]:
    return [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests.split()]


def _schedules(profile: str) -> list[str]:
    words = f"--profile {profile} --seeds {BUDGET} --until-failure --json"
    return [sys.executable, "-m", "near_sim", *words.split()]


def _how(stdout: str) -> str:
    """After how many schedules, and what broke in the first of those that failed."""
    tally = json.loads(stdout)
    failures = tally["failures"]
    return f"\n          {tally['schedules']} schedules: " + (failures[0]["failure"] if failures else "every rule held")


if __name__ == "__main__":
    sys.exit(main())
