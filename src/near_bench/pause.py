"""`bin/bench pause`: for how long neard still runs when a host goes on after a pause that its lease has not outlived.

A guard of the project arms a program that does nothing but note the time. Both are frozen (cgroup freezer), the
deadline and the kernel's timer behind it pass meanwhile, and both go on at the same moment, as after a pause of a
container or of a virtual machine. What counts is how long the program ran from then on until the kernel had ended it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from near_bench.failover import DONE
from near_guard.kernel import boot_ms
from near_guard.teardown_helpers import TeardownHelpers
from near_localnet.problem import Problem
from near_measure import json_file, machine
from near_measure.clock import wait_for
from near_measure.stage import ROOT
from near_measure.stats import Summary
from near_measure.table import aligned

FREEZER = Path("/sys/fs/cgroup/freezer")
FREEZE_AFTER_S, DEADLINE_MS, THAW_AFTER_S = 0.1, 300, 0.7
HEADER = ("guard", "n", "not at all", "p50", "p95", "max")
# Notes when it ran last, and when it ran first after a hole of 200 ms, in nanoseconds, in a file that is mapped.
PROGRAM = """
import mmap, struct, sys, time
with open(sys.argv[1], "r+b") as file:
    noted = mmap.mmap(file.fileno(), 16)
last = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
while True:
    now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    if now - last > 200_000_000:
        struct.pack_into("q", noted, 8, now)
    struct.pack_into("q", noted, 0, now)
    last = now
"""
RUN_GUARD = """
import os, sys
from near_guard.teardown_helpers import TeardownHelpers
from near_guard.command_line import main
TeardownHelpers.COUNT = int(sys.argv.pop(1))
if sys.argv.pop(1) == "first":
    os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))
sys.exit(main())
"""


@dataclass(frozen=True)
class Variant:
    """A guard with so many teardown_helpers, which gets a processor before all others or not."""

    name: str
    teardown_helpers: int
    first: bool


VARIANTS = (
    Variant("without teardown helpers", 0, False),
    Variant("with teardown helpers", TeardownHelpers.COUNT, False),
    Variant("with teardown_helpers, first in line (as its unit has it)", TeardownHelpers.COUNT, True),
)


def run(runs: int, file: Path | None) -> int:
    """Measures every variant in turn, so that all see the same machine. Raises Problem where nothing can be frozen."""
    values: dict[str, list[float]] = {variant.name: [] for variant in VARIANTS}
    with cgroup() as group:
        for _run in range(runs):
            for variant in VARIANTS:
                values[variant.name].append(once(group, variant))
    print(aligned(HEADER, [line(name, found) for name, found in values.items()], (1, 2, 3, 4, 5)))
    if file:
        document = {"benchmark": "pause", "unit": "us", "values": values}
        json_file.write(file, {**document, "machine": machine.facts(ROOT)})
    return DONE


def line(name: str, found: Sequence[float]) -> list[str]:
    """A row of the table, in microseconds."""
    summary = Summary.of(found)
    if summary is None:
        return [name, "0", "", "", "", ""]
    return [
        name,
        str(summary.n),
        str(sum(value == 0 for value in found)),
        *(f"{value:.0f} us" for value in (summary.p50, summary.p95, summary.max)),
    ]


@contextmanager
def cgroup() -> Iterator[Path]:
    """A cgroup of one's own that can be frozen. Raises Problem where there is none to be had."""
    place = FREEZER / f"near-bench-{os.getpid()}"
    try:
        place.mkdir()
    except OSError as error:
        raise Problem(
            f"{place} cannot be made: {error.strerror}.",
            "This needs root and the freezer of cgroup v1. A frozen process of cgroup v2 is killed where it stands.",
        ) from None
    try:
        yield place
    finally:
        freeze(place, "THAWED")
        with contextlib.suppress(OSError):
            wait_for(lambda: not (place / "cgroup.procs").read_text(), 5)
            place.rmdir()


def freeze(group: Path, state: str) -> None:
    """FROZEN or THAWED."""
    (group / "freezer.state").write_text(state)


def once(group: Path, variant: Variant) -> float:
    """One pause: microseconds that the program ran after it, 0 if it did not run any more. Raises Problem."""
    with tempfile.TemporaryDirectory(prefix="near-bench-") as name:
        place = Path(name)
        for directory in ("home", "run"):
            (place / directory).mkdir()
        (place / "key").write_text("no key")
        noted = place / "noted"
        noted.write_bytes(bytes(16))
        options = ["--run-dir", place / "run", "--home", place / "home", "--key-link", place / "home" / "key"]
        order = "first" if variant.first else "-"
        words = [sys.executable, "-c", RUN_GUARD, str(variant.teardown_helpers), order, *map(str, options)]
        with subprocess.Popen(words, stderr=subprocess.DEVNULL) as process:
            try:
                (group / "cgroup.procs").write_text(str(process.pid))
                arm(place, [sys.executable, "-c", PROGRAM, str(noted)])
                time.sleep(FREEZE_AFTER_S)
                freeze(group, "FROZEN")
                time.sleep(THAW_AFTER_S)
                freeze(group, "THAWED")
                process.wait(10)
            finally:
                process.kill()
        if process.returncode != -signal.SIGKILL or not wait_for(lambda: not (group / "cgroup.procs").read_text(), 5):
            raise Problem(f"The guard ended with {process.returncode}, or its neard did not.")
        last, first = struct.unpack("2q", noted.read_bytes())
        return (last - first) / 1000 if first else 0.0


def arm(place: Path, argv: list[str]) -> None:
    """Lets the guard start it armed, and waits until it notes the time. Raises Problem."""
    path = place / "run" / "guard.sock"
    if not wait_for(path.exists, 10):
        raise Problem("The guard does not listen.")
    request = {"id": 1, "do": "start", "argv": argv, "lock": str(place / "home" / "LOCK"), "armed": True}
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        # The deadline is set below, when the program has started.
        first = boot_ms() + 60_000
        say(connection, {**request, "validator_key": str(place / "key"), "deadline": first})
        if not wait_for(lambda: any((place / "noted").read_bytes()), 10):
            raise Problem("The armed program does not run.")
        say(connection, {"id": 2, "do": "deadline", "deadline": boot_ms() + DEADLINE_MS})


def say(connection: socket.socket, request: dict[str, object]) -> None:
    """One request; Problem when it is refused."""
    connection.sendall(json.dumps(request).encode() + b"\n")
    answer = json.loads(connection.recv(65536).splitlines()[0])
    if not answer.get("ok"):
        raise Problem(f"The guard: {answer}.")
