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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from breaks.catalogue import BREAKS
from breaks.mutants import BUDGET, MUTANTS, Mutant
from breaks.one_break import Break
from breaks.scenarios import PROMISES, Promise

ROOT = Path(__file__).resolve().parent.parent.parent
COPIED = ("src", "plugins", "tests", "pyproject.toml")
TIMEOUT_S = 180
# All schedules of the budget, on one of two cores.
SCHEDULES_S = 400
SCENARIO_S = 600
WORKERS = 2


def main() -> int:
    """Exit status 0 when every break was noticed, 1 when one survived, 2 when one no longer applies."""
    parser = argparse.ArgumentParser(
        prog="bin/breaks",
        description="Breaks each rule in turn in a copy of the tree, and sees its tests, or the simulation, go red.",
        epilog="exit status: 0 every break was noticed; 1 one survived, a hole in the tests; 2 one no longer applies",
    )
    parser.add_argument("-k", metavar="TEXT", default="", help="only breaks whose rule has this text")
    parser.add_argument("--list", action="store_true", help="print the rules and end")
    parser.add_argument(
        "--only",
        choices=("tests", "simulation", "scenarios"),
        help="only what these have to notice; scenarios in containers take two minutes each, and are played only so",
    )
    given = parser.parse_args()
    every = {"tests": BREAKS, "simulation": MUTANTS, "scenarios": PROMISES, None: (*BREAKS, *MUTANTS)}[given.only]
    chosen = [one for one in every if given.k in one.rule]
    if given.list:
        sys.stdout.write("".join(f"{one.rule}\n" for one in chosen))
        return 0
    began = time.monotonic()
    # Scenarios share the names of their hosts, and cannot be played side by side.
    with ThreadPoolExecutor(1 if given.only == "scenarios" else WORKERS) as workers:
        outcomes = list(workers.map(_play, chosen))
    noticed = outcomes.count("noticed")
    sys.stdout.write(f"{noticed} noticed, {len(chosen) - noticed} not, in {time.monotonic() - began:.0f} s\n")
    if "STALE" in outcomes:
        return 2
    return 0 if chosen and noticed == len(chosen) else 1


def _play(one: Break) -> str:
    with tempfile.TemporaryDirectory(prefix="near-break-") as name:
        copy = Path(name)
        if isinstance(one, Promise):
            _copy_all(copy)
        else:
            for part in COPIED:
                source = ROOT / part
                (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / part)
        outcome, how = _outcome(copy, one)
    print(f"{outcome:<9} {one.rule}{how}", flush=True)
    return outcome


def _outcome(copy: Path, one: Break) -> tuple[str, str]:
    target = copy / one.file
    text = target.read_text()
    if text.count(one.old) != 1:
        return "STALE", ""
    target.write_text(text.replace(one.old, one.new))
    if isinstance(one, Promise):
        return _scenario(copy, one)
    command = _schedules(one.profile) if isinstance(one, Mutant) else _tests(one.tests)
    timeout_s = SCHEDULES_S if isinstance(one, Mutant) else TIMEOUT_S
    # An installed near_supervisor points to the real tree; the copy has to win.
    path = os.pathsep.join(str(copy / part) for part in ("src", "plugins/module_utils", "tests", "tests/simulation"))
    environment = {**os.environ, "PYTHONPATH": path}
    try:
        run = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, timeout=timeout_s, check=False, text=True
        )
    except subprocess.TimeoutExpired:
        return "STALE", f": still running after {timeout_s} s"
    # 1 = tests ran and some failed. Anything else but 0 says nothing about the rule.
    if run.returncode not in (0, 1):
        sys.stdout.write(run.stdout[-2000:] + run.stderr[-2000:])
        return "STALE", ""
    how = _how(run.stdout) if isinstance(one, Mutant) else ""
    if " BUG: " in how:
        # It broke the program, not the rule.
        return "STALE", how
    return ("noticed" if run.returncode else "SURVIVED"), how


def _copy_all(copy: Path) -> None:
    """What is committed or would be, and the environment, which the scenario must not make anew."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name, follow_symlinks=False)
    for name in (".venv", ".tools"):
        (copy / name).symlink_to(ROOT / name)


def _scenario(copy: Path, one: Promise) -> tuple[str, str]:
    """Plays one case of a scenario on hosts with the broken program."""
    bin_dir = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{bin_dir}{os.pathsep}{os.environ['PATH']}",
        "ANSIBLE_HOME": str(ROOT / ".tools" / "ansible" / "molecule"),
        "PYTEST_ADDOPTS": f"-k {one.tests}",
        "NO_COLOR": "1",
    }
    # The packed programs come from the copy, too.
    environment.pop("PYTHONPATH", None)
    command = ["molecule", "--base-config", ".config/molecule/config.yml", "test", "-s", f"failover-{one.scenario}"]
    run = subprocess.run(
        command, cwd=copy, env=environment, capture_output=True, timeout=SCENARIO_S, check=False, text=True
    )
    if run.returncode == 0:
        return "SURVIVED", ""
    failures = [line.strip() for line in run.stdout.splitlines() if line.startswith("E  ")]
    if not failures:
        sys.stdout.write(run.stdout[-2000:] + run.stderr[-2000:])
        return "STALE", ""
    return "noticed", f"\n          {failures[0][:160]}"


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
