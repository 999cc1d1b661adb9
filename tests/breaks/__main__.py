"""Breaks each rule in turn in a copy of the tree, and sees its tests go red."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from breaks.catalogue import BREAKS, Break

ROOT = Path(__file__).resolve().parent.parent.parent
COPIED = ("src", "plugins", "tests", "pyproject.toml")
TIMEOUT_S = 180


def main() -> int:
    """Exit status 0 when every break was noticed, 1 when one survived, 2 when one no longer applies."""
    parser = argparse.ArgumentParser(prog="bin/breaks", description=__doc__)
    parser.add_argument("-k", metavar="TEXT", default="", help="only breaks whose rule has this text")
    parser.add_argument("--list", action="store_true", help="print the rules and end")
    given = parser.parse_args()
    chosen = [one for one in BREAKS if given.k in one.rule]
    if given.list:
        sys.stdout.write("".join(f"{one.rule}\n" for one in chosen))
        return 0
    began = time.monotonic()
    outcomes = [_play(one) for one in chosen]
    survived = outcomes.count("SURVIVED")
    noticed = outcomes.count("noticed")
    sys.stdout.write(f"{noticed} noticed, {len(chosen) - noticed} not, in {time.monotonic() - began:.0f} s\n")
    if "STALE" in outcomes:
        return 2
    return 1 if survived or not chosen else 0


def _play(one: Break) -> str:
    with tempfile.TemporaryDirectory(prefix="near-break-") as name:
        copy = Path(name)
        for part in COPIED:
            source = ROOT / part
            (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / part)
        outcome = _outcome(copy, one)
    sys.stdout.write(f"{outcome:<9} {one.rule}\n")
    sys.stdout.flush()
    return outcome


def _outcome(copy: Path, one: Break) -> str:
    target = copy / one.file
    text = target.read_text()
    if text.count(one.old) != 1:
        return "STALE"
    target.write_text(text.replace(one.old, one.new))
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *one.tests.split()]
    # An installed near_supervisor points to the real tree; the copy has to win.
    path = os.pathsep.join(str(copy / part) for part in ("src", "plugins/module_utils", "tests", "tests/simulation"))
    environment = {**os.environ, "PYTHONPATH": path}
    try:
        run = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, timeout=TIMEOUT_S, check=False, text=True
        )
    except subprocess.TimeoutExpired:
        return "noticed"
    # 1 = tests ran and some failed. Anything else but 0 says nothing about the rule.
    if run.returncode not in (0, 1):
        sys.stdout.write(run.stdout[-2000:] + run.stderr[-2000:])
        return "STALE"
    return "noticed" if run.returncode else "SURVIVED"


if __name__ == "__main__":
    sys.exit(main())
