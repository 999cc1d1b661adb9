"""The command ``near-guard``: its options, and a run from start to end."""

from __future__ import annotations

import contextlib
import ctypes
import getopt
import sys

from .guard import Guard
from .log import say, write_to
from .request import Refused

LINGER_S = 30.0
USAGE = f"""\
usage: near-guard --run-dir DIR --home DIR --key-link FILE [--log FILE] [--linger SECONDS]

Owns neard for near-supervisor and kills it when its lease ends.

  --run-dir DIR       for guard.sock, guard.pid and guard.lock
  --home DIR          neard's home
  --key-link FILE     where neard looks for its validator key
  --log FILE          append this program's and neard's output to it
  --linger SECONDS    go away after this long without a supervisor and without a neard; 0 = never (default {LINGER_S:g})

Started by near-supervisor or by its systemd unit; there is nothing here to run by hand.
"""
NEEDED = ("run-dir", "home", "key-link")


def parsed(words: list[str]) -> dict[str, str]:
    """The options by their names; Refused when one is missing or wrong. (argparse costs a tenth of all memory.)"""
    try:
        found, more = getopt.getopt(words, "h", ["help", "log=", "linger=", *(f"{name}=" for name in NEEDED)])
    except getopt.GetoptError as error:
        raise Refused(str(error)) from None
    given = {name.lstrip("-"): value for name, value in found}
    if "h" in given or "help" in given:
        return {"help": ""}
    if more or (missing := [name for name in NEEDED if name not in given]):
        raise Refused(f"what is {more[0]!r}?" if more else f"--{missing[0]} is missing")
    try:
        float(given.setdefault("linger", str(LINGER_S)))
    except ValueError:
        raise Refused(f"--linger {given['linger']!r} is not a number of seconds") from None
    return given


def main(argv: list[str] | None = None) -> int:
    """Run a guard until its work is over; exit status 1 when it cannot start, 2 when it is called wrongly."""
    try:
        given = parsed(sys.argv[1:] if argv is None else argv)
    except Refused as error:
        sys.stderr.write(f"near-guard: {error}\n{USAGE}")
        return 2
    if "help" in given:
        sys.stdout.write(USAGE)
        return 0
    if "log" in given:
        write_to(given["log"])
    try:
        guard = Guard(given["run-dir"], given["home"], given["key-link"], float(given["linger"]), given.get("log"))
    except (Refused, OSError) as error:
        say("error", f"near-guard cannot start: {error}")
        return 1
    give_memory_back()
    guard.run()
    guard.manager.tell("STOPPING=1")
    guard.close()
    return 0


def give_memory_back() -> None:
    """What compiling and importing has left is a tenth of it all, and a guard runs for months."""
    with contextlib.suppress(AttributeError):
        # Only glibc has it.
        ctypes.CDLL(None).malloc_trim(0)
