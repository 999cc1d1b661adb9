"""`bin/bench deploy`: how long a roll-out over the three containers of scenario `default` takes, and what it changes.

The plays are run by Molecule, so each time has its start in it (2 to 4 s). Packages are in the image already. Beside
each time is what the controller (Molecule, Ansible and their `docker exec`) took of the cores, and the machine's load
when the run began: what was measured on a machine that others use says little without them.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from near_bench.failover import DONE, FAILED, MISSED
from near_localnet.problem import Problem
from near_measure import json_file, machine
from near_measure.stage import ROOT
from near_measure.table import aligned

HEADER = ("run", "bound", "took", "controller's CPU", "load before", "tasks per host", "changed", "met")
NUMBERS = (1, 2, 3, 4, 5, 6)
TIMEOUT_S = 1200
# What is run, what it is called, seconds at most, and may it change anything.
RUNS: tuple[tuple[str, str, float | None, bool], ...] = (
    ("check", "check mode, fresh hosts", None, True),
    ("converge", "first run", 150.0, True),
    ("converge", "second run", 30.0, False),
    ("check", "check mode, live hosts", None, False),
)
_RECAP = re.compile(r"^(?P<host>\S+)\s+: ok=(?P<ok>\d+)\s+changed=(?P<changed>\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """One roll-out: seconds, tasks on the host that had most, changes on all hosts together.

    `cpu_s` is what the controller used, user and system; `load` is the load average of the last minute at its begin.
    """

    name: str
    bound_s: float | None
    took_s: float
    cpu_s: float
    load: float
    tasks: int
    changed: int
    may_change: bool

    @property
    def met(self) -> bool:
        """Whether it was quick enough, and changed nothing that it must not."""
        return (self.bound_s is None or self.took_s <= self.bound_s) and (self.may_change or not self.changed)

    def line(self) -> list[str]:
        """Its line of the table."""
        bound = "" if self.bound_s is None else f"{self.bound_s:g} s"
        met = "yes" if self.met else "NO"
        used = [f"{self.took_s:.1f} s", f"{self.cpu_s:.1f} s", f"{self.load:.2f}"]
        return [self.name, bound, *used, str(self.tasks), str(self.changed), met]


def recap(output: str) -> tuple[int, int]:
    """Most tasks of one host, and all changes, by the recap that a play ends with. Raises Problem without one."""
    hosts = [(int(found["ok"]), int(found["changed"])) for found in _RECAP.finditer(output)]
    if not hosts:
        raise Problem("Ansible printed no recap.", f"Its last words: {output[-500:]}")
    return max(ok for ok, _changed in hosts), sum(changed for _ok, changed in hosts)


def table(runs: Sequence[Run]) -> str:
    """What people are shown."""
    return aligned(HEADER, [run.line() for run in runs], NUMBERS)


def document(runs: Sequence[Run]) -> dict[str, Any]:
    """Everything that was measured, with what it was measured on."""
    return {
        "benchmark": "deploy",
        "machine": machine.facts(ROOT),
        "runs": [{**asdict(run), "met": run.met} for run in runs],
    }


def run(file: Path | None) -> int:
    """The whole command; its exit status."""
    found: list[Run] = []
    try:
        for action in ("destroy", "create", "prepare"):
            _molecule(action)
        for action, name, bound_s, may_change in RUNS:
            load, began, used_s = os.getloadavg()[0], time.monotonic(), _children_s()
            output = _molecule(action)
            took_s, cpu_s = time.monotonic() - began, _children_s() - used_s
            found.append(Run(name, bound_s, took_s, cpu_s, load, *recap(output), may_change))
    except Problem as problem:
        print(f"bench: {problem}", file=sys.stderr)
        return FAILED
    finally:
        _molecule("destroy", must=False)
        if file:
            json_file.write(file, document(found))
        print(f"\n{table(found)}")
    return DONE if all(each.met for each in found) else MISSED


def _children_s() -> float:
    """Seconds of CPU of all processes that were started from here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _molecule(action: str, must: bool = True) -> str:
    """Its output. Raises Problem when it fails, unless it need not succeed."""
    print(f"molecule {action}", file=sys.stderr, flush=True)
    bin_dir = Path(sys.executable).parent
    config = ROOT / ".config" / "molecule" / "config.yml"
    command = [str(bin_dir / "molecule"), "--base-config", str(config), action, "--scenario-name", "default"]
    environ = {
        **os.environ,
        "PATH": f"{bin_dir}{os.pathsep}{os.environ['PATH']}",
        "ANSIBLE_HOME": str(ROOT / ".tools" / "ansible" / "molecule"),
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        command, cwd=ROOT, env=environ, check=False, timeout=TIMEOUT_S,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    if done.returncode != 0 and must:
        raise Problem(f"molecule {action} ended with status {done.returncode}.", done.stdout[-3000:])
    return done.stdout
