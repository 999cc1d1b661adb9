"""The soak on containers: cases of the scenarios failover-*, chosen at random, on one set-up that they share."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from near_localnet.problem import Problem
from near_measure.stage import ROOT

SCENARIOS = ROOT / "molecule"
CASES = ROOT / ".data" / "molecule" / "cases.jsonl"
SET_UP = "failover"
_CASE = re.compile(r"^def (test_\w+)\(", re.MULTILINE)


@dataclass(frozen=True)
class Choice:
    """One case: the scenario that it belongs to, and the name of its test."""

    scenario: str
    case: str


def choices() -> list[Choice]:
    """Every case there is, in the order of their files."""
    return [
        Choice(file.parts[-3], case)
        for file in sorted(SCENARIOS.glob(f"{SET_UP}-*/tests/test_*.py"))
        for case in _CASE.findall(file.read_text())
    ]


def soak(minutes: float, seed: int) -> tuple[list[Choice], list[Choice], list[dict[str, Any]]]:
    """Plays cases until the time is over: those played, those that failed, and what was noted of them.

    The hosts are made first and removed in the end. Ends with the first case that fails: its hosts are then in no known
    state, and what they said is in .data/molecule. Raises Problem when the hosts cannot be made.
    """
    rng, every = random.Random(seed), choices()  # noqa: S311 - to be played again
    first = every[0].scenario
    known = len(noted())
    molecule("destroy", first, keep=False)
    try:
        if not molecule("converge", first):
            raise Problem("The hosts could not be made.", "bin/test containers -k failover-crash says why.")
        played, failed = _play(rng, every, time.monotonic() + minutes * 60)
    finally:
        molecule("destroy", first, keep=False)
    return played, failed, noted()[known:]


def _play(rng: random.Random, every: list[Choice], until: float) -> tuple[list[Choice], list[Choice]]:
    played: list[Choice] = []
    prepared = {every[0].scenario}
    while time.monotonic() < until:
        choice = rng.choice(every)
        if choice.scenario not in prepared:
            # Molecule verifies what it has converged; on hosts that are there already, that changes nothing.
            molecule("converge", choice.scenario)
            prepared.add(choice.scenario)
        print(f"{len(played) + 1:4}  {choice.scenario}  {choice.case}", file=sys.stderr, flush=True)
        played.append(choice)
        if not molecule("verify", choice.scenario, case=choice.case):
            molecule("cleanup", choice.scenario)
            return played, [choice]
    return played, []


def molecule(step: str, scenario: str, *, case: str = "", keep: bool = True) -> bool:
    """A step of molecule on the shared hosts; whether it succeeded. What it prints is shown when it fails."""
    environ = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "ANSIBLE_HOME": str(ROOT / ".tools" / "ansible" / "molecule"),
        "MOLECULE_KEEP_SET_UP": SET_UP if keep else "",
        "PYTEST_ADDOPTS": f"-k {case}" if case else "",
        "NO_COLOR": "1",
    }
    words = ["molecule", "--base-config", str(ROOT / ".config" / "molecule" / "config.yml"), step, "-s", scenario]
    done = subprocess.run(
        words, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 0:
        print(done.stdout[-6000:], file=sys.stderr)
    return done.returncode == 0


def noted() -> list[dict[str, Any]]:
    """What the cases on this checkout have noted so far."""
    try:
        return [json.loads(line) for line in CASES.read_text().splitlines()]
    except FileNotFoundError:
        return []
