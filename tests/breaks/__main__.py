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
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from breaks.catalogue import BREAKS
from breaks.mutants import BUDGET, MUTANTS, Mutant
from breaks.one_break import Break
from breaks.scenarios import PROMISES, Promise
from near_ha.program import status_of

ROOT = Path(__file__).resolve().parent.parent.parent
COPIED = ("src", "plugins", "nix", "tests", "pyproject.toml")
NOTED = ROOT / "tests" / "breaks" / "noticed_by.json"
# Against what hangs, and not a measure of speed: a budget of schedules takes ten minutes on a slow machine.
TIMEOUT_S = 900
SCHEDULES_S = 3_600
SCENARIO_S = 600
WORKERS = 2
# Those plugins that the tests of a rule need; to load the others takes as long as a test does.
PLUGINS = ["-p", "pytest_timeout", "-p", "_hypothesis_pytestplugin", "-p", "no:cacheprovider"]
PYTEST = [sys.executable, "-m", "pytest", "-x", "-q", *PLUGINS]
# The seed of a schedule, or the id of a test.
Noticer = int | str
SCHEDULES, TESTS = "schedules", "tests"


def main() -> int:
    """Exit status 0 when every break was noticed, 1 when one survived, 2 when one no longer applies."""
    parser = argparse.ArgumentParser(
        prog="bin/breaks",
        description="Breaks each rule in turn in a copy of the tree, and sees its tests, or the simulation, go red.",
        epilog="exit status: 0 every break was noticed; 1 one survived, a hole in the tests; 2 one no longer applies",
    )
    parser.add_argument("-k", metavar="TEXT", default="", help="only breaks whose rule has this text")
    parser.add_argument(
        "--record",
        action="store_true",
        help="note in tests/breaks/noticed_by.json which test or schedule noticed each rule, to be played first from"
        " then on; after a change of the core or of the simulation",
    )
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
    for one in [one for one in chosen if one.needs and shutil.which(one.needs) is None]:
        chosen.remove(one)
        print(f"left out  {one.rule}: {one.needs} is not here", flush=True)
    began = time.monotonic()
    # Scenarios share the names of their hosts, and cannot be played side by side.
    with ThreadPoolExecutor(1 if given.only == "scenarios" else WORKERS) as workers:
        outcomes = list(workers.map(_play, chosen))
    if given.record:
        _record(chosen, outcomes)
    verdicts = [seen.verdict for seen in outcomes]
    noticed = verdicts.count("noticed")
    sys.stdout.write(f"{noticed} noticed, {len(chosen) - noticed} not, in {time.monotonic() - began:.0f} s\n")
    searched = [seen for seen in outcomes if seen.searched]
    if searched and not given.record:
        sys.stdout.write(f"{len(searched)} were looked for anew, which takes longer: bin/breaks --record, and commit\n")
    if "STALE" in verdicts:
        return 2
    return 0 if chosen and noticed == len(chosen) else 1


@dataclass(frozen=True)
class Outcome:
    """What came of one break; ``by`` is the test or schedule that noticed it, ``searched`` that no noted one did."""

    rule: str
    verdict: str
    how: str = ""
    by: Noticer | None = None
    searched: bool = False


def _record(chosen: Iterable[Break], outcomes: Iterable[Outcome]) -> None:
    """Those of rules that were not played stay; those of rules that are no more go."""
    noted = _noted()
    for one, outcome in zip(chosen, outcomes, strict=True):
        if outcome.by is not None:
            noted[_kind(one)][one.rule] = outcome.by
    for kind, every in ((SCHEDULES, MUTANTS), (TESTS, BREAKS)):
        known = {one.rule for one in every}
        noted[kind] = {rule: by for rule, by in sorted(noted[kind].items()) if rule in known}
    NOTED.write_text(json.dumps(noted, indent=1, ensure_ascii=False) + "\n")


def _noted() -> dict[str, dict[str, Noticer]]:
    noted: dict[str, dict[str, Noticer]] = json.loads(NOTED.read_text())
    return noted


def _kind(one: Break) -> str:
    return SCHEDULES if isinstance(one, Mutant) else TESTS


def _play(one: Break) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="near-break-") as name:
        copy = Path(name)
        if isinstance(one, Promise):
            _copy_all(copy)
        else:
            for part in COPIED:
                source = ROOT / part
                (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / part)
        outcome = _outcome(copy, one)
    print(f"{outcome.verdict:<9} {one.rule}{outcome.how}", flush=True)
    return outcome


def _outcome(copy: Path, one: Break) -> Outcome:
    target = copy / one.file
    text = target.read_text()
    if text.count(one.old) != 1:
        return Outcome(one.rule, "STALE")
    target.write_text(text.replace(one.old, one.new))
    if isinstance(one, Promise):
        return Outcome(one.rule, *_scenario(copy, one))
    noted = _noted()[_kind(one)].get(one.rule)
    first, whole = _commands(one, noted)
    if first:
        outcome = _run(copy, one.rule, first)
        if outcome.verdict == "noticed":
            return outcome
    return replace(_run(copy, one.rule, whole), searched=True)


def _commands(one: Break, noted: Noticer | None) -> tuple[list[str], list[str]]:
    """What noticed it before, alone (nothing, where that is not known), and all that has to notice it."""
    if isinstance(one, Mutant):
        first = _schedules(one.profile, noted, 1) if isinstance(noted, int) else []
        return first, _schedules(one.profile, 0, BUDGET)
    return ([*PYTEST, noted] if isinstance(noted, str) else []), [*PYTEST, *one.tests.split()]


def _run(copy: Path, rule: str, command: list[str]) -> Outcome:
    """What a command made of a broken rule."""
    # An installed near_supervisor points to the real tree; the copy has to win.
    path = os.pathsep.join(str(copy / part) for part in ("src", "plugins/module_utils", "tests", "tests/simulation"))
    environment = {**os.environ, "PYTHONPATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    simulated = "cluster_sim" in command
    limit_s = SCHEDULES_S if simulated else TIMEOUT_S
    try:
        run = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, timeout=limit_s, check=False, text=True
        )
    except subprocess.TimeoutExpired:
        return Outcome(rule, "STALE", f": still running after {limit_s} s")
    # 1 = tests ran and some failed. Anything else but 0 says nothing about the rule.
    if run.returncode not in (0, 1):
        return Outcome(rule, "STALE", f"\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
    how, by = _of_schedules(run.stdout) if simulated else ("", _of_tests(run.stdout))
    if " BUG: " in how:
        # It broke the program, not the rule.
        return Outcome(rule, "STALE", how)
    return Outcome(rule, "noticed" if run.returncode else "SURVIVED", how, by)


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


def _schedules(profile: str, first: int, number: int) -> list[str]:
    words = f"--profile {profile} --from {first} --seeds {number} --until-failure --json"
    return [sys.executable, "-m", "cluster_sim", *words.split()]


def _of_schedules(stdout: str) -> tuple[str, int | None]:
    """After how many schedules, what broke in the first of those that failed, and its seed."""
    tally = json.loads(stdout)
    after = f"\n          {tally['schedules']} schedules: "
    if not tally["failures"]:
        return after + "every rule held", None
    first = tally["failures"][0]
    return after + first["failure"], first["seed"]


def _of_tests(stdout: str) -> str | None:
    """The test that failed, as pytest can be asked for it alone; None where none did, or where that can't be told."""
    failed = next((line for line in stdout.splitlines() if line.startswith("FAILED ")), "")
    test = failed.removeprefix("FAILED ").partition(" - ")[0]
    # What a name has in brackets may itself have a dash.
    return test if test and test.count("[") == test.count("]") else None


if __name__ == "__main__":
    sys.exit(status_of(main, "bin/breaks"))
