"""The processes of one localnet, found in /proc rather than remembered: an unclean end leaves no stale records.

Every process is started with two variables that its children inherit: the localnet's data directory and the name of
its part. A process belongs to a localnet exactly when it carries that directory, whatever its pid or its parent.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from near_localnet.layout import CONSUL_SERVERS, VALIDATORS
from near_localnet.problem import Problem

DATA_VARIABLE = "NEAR_LOCALNET_DATA"
NAME_VARIABLE = "NEAR_LOCALNET_NAME"
PROC = Path("/proc")
POLL_S = 0.02
FOUND_TIMEOUT_S = 2.0
FOUND_POLL_S = 0.002
EXEC_TIMEOUT_S = 0.05
EXEC_POLL_S = 0.001


@dataclass(frozen=True)
class Process:
    """A live process: which part of whom it is, and its start time (clock ticks): pid and time name it for good."""

    pid: int
    started: int
    name: str
    part: str
    stopped: bool = False

    def alive(self) -> bool:
        """Whether exactly this process still runs; a zombie does not."""
        found = _stat(self.pid)
        return found is not None and found.started == self.started and found.state not in "ZX"

    def signal(self, number: int) -> None:
        """Sends a signal; no error if the process is gone. A pid that was given to another process is left alone."""
        with contextlib.suppress(OSError):
            descriptor = os.pidfd_open(self.pid)
            try:
                if self.alive():
                    signal.pidfd_send_signal(descriptor, number)
            finally:
                os.close(descriptor)


@dataclass(frozen=True)
class _Stat:
    state: str
    started: int


def _stat(pid: int) -> _Stat | None:
    try:
        text = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the program's name in brackets and may hold anything.
    fields = text.rpartition(")")[2].split()
    return _Stat(fields[0], int(fields[19]))


def find(data: Path) -> list[Process]:
    """Every live process of the localnet with this data directory, in order of start."""
    found = []
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                process = _inspect(entry, data)
            except OSError:  # gone meanwhile, or another user's
                continue
            if process is not None:
                found.append(process)
    return sorted(found, key=lambda process: (process.started, process.pid))


def _inspect(entry: Path, data: Path) -> Process | None:
    arguments = _read(entry, "cmdline").decode(errors="replace").split("\0")[:-1]
    part = part_of(arguments)
    if not part:
        return None
    environ = parse_environ(_read(entry, "environ"))
    if environ.get(DATA_VARIABLE) == str(data):
        name = environ.get(NAME_VARIABLE, "")
    else:
        # Started by hand, as the tutorial does it, or with an environment of its own.
        name = owner_of(arguments, (entry / "cwd").readlink(), data)
    stat = _stat(int(entry.name))
    if not name or stat is None or stat.state in "ZX":
        return None
    return Process(int(entry.name), stat.started, name, part, stat.state in "Tt")


def _read(entry: Path, name: str) -> bytes:
    """A file of a process. While that becomes another program, the kernel shows nothing: so looks again, for 50 ms.

    A thread of the kernel has nothing there either, and no program: for it, and for a process that is gone, raises
    OSError or is empty.
    """
    deadline = time.monotonic() + EXEC_TIMEOUT_S
    while not (text := (entry / name).read_bytes()):
        if time.monotonic() > deadline:
            break
        (entry / "exe").readlink()
        time.sleep(EXEC_POLL_S)
    return text


def parse_environ(raw: bytes) -> dict[str, str]:
    """The variables of /proc/PID/environ."""
    pairs = (entry.partition("=") for entry in raw.decode(errors="replace").split("\0") if "=" in entry)
    return {name: value for name, _equals, value in pairs}


def owner_of(arguments: Sequence[str], cwd: Path, data: Path) -> str:
    """Whose process this is, by the home or configuration below `data` in its command line; empty if nobody's."""
    for argument in arguments[1:]:
        path = cwd / argument.rpartition("=")[2]
        if path.is_relative_to(data / "near" / "localnet") and path != data / "near" / "localnet":
            home = path.relative_to(data / "near" / "localnet").parts[0]
            return next((v.name for v in VALIDATORS if v.home_name == home), home)
        if path.is_relative_to(data / "consul") and path.stem in CONSUL_SERVERS:
            return path.stem
    return ""


SUPERVISORS = ("near-supervisor", "near_supervisor", "near_supervisor.commandline.main", "kuutamod")


def part_of(arguments: Sequence[str]) -> str:
    """Which part a command line is: guard, supervisor, neard, keeper or consul; empty for anything else."""
    words = [_program(Path(word)) for word in arguments[:6]]
    if "near_localnet.keeper" in words:
        return "keeper"
    if any(word in ("guard.py", "near-guard", "near_guard", "near_supervisor.guard") for word in words):
        return "guard"
    if any(word in SUPERVISORS for word in words):
        return "supervisor"
    if arguments[1:2] == ["agent"]:
        return "consul"
    return "neard" if "--home" in arguments and "run" in arguments else ""


def _program(path: Path) -> str:
    """A package that is run goes by its own name."""
    return path.parent.name if path.name == "__main__.py" else path.name


def start(
    arguments: Sequence[str], *, data: Path, name: str, log: Path, environ: Mapping[str, str] | None = None
) -> Process:
    """Starts a detached process (own session, input closed, output appended to `log`) and returns it.

    Raises Problem when the program cannot be run.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    variables = {**os.environ, **(environ or {}), DATA_VARIABLE: str(data), NAME_VARIABLE: name}
    with log.open("ab") as output:
        try:
            child = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=variables, start_new_session=True
            )
        except OSError as error:
            raise Problem(
                f"{name}: {arguments[0]} cannot be run: {error.strerror}.", "Is it there, and executable?"
            ) from None
    _children.append(child)
    stat = _stat(child.pid)
    _wait_until_found(child, data)
    return Process(child.pid, stat.started if stat else 0, name, part_of(arguments))


def _wait_until_found(child: subprocess.Popen[bytes], data: Path) -> None:
    """Popen returns a moment before the kernel shows the new program's command line and environment in /proc."""
    deadline = time.monotonic() + FOUND_TIMEOUT_S
    while child.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if _inspect(PROC / str(child.pid), data) is not None:
                return
        time.sleep(FOUND_POLL_S)


_children: list[subprocess.Popen[bytes]] = []
"""What this very process started: its zombies have to be collected for `alive` to be true to life elsewhere."""


def reap() -> None:
    """Collects those children of ours that have ended."""
    _children[:] = [child for child in _children if child.poll() is None]


def wait_gone(
    processes: Sequence[Process],
    timeout_s: float,
    on_wait: Callable[[list[Process], float], None] = lambda _left, _left_s: None,
) -> list[Process]:
    """Waits until all of these have ended; returns the ones that have not after `timeout_s`.

    `on_wait` is told again and again which are left, and for how many seconds they are waited for yet.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        reap()
        left = [process for process in processes if process.alive()]
        if not left or time.monotonic() > deadline:
            return left
        on_wait(left, deadline - time.monotonic())
        time.sleep(POLL_S)
