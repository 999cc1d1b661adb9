"""What one account signed, read from the referee's log while it grows; and who signed when, in it."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from near_measure.clock import seconds


@dataclass(frozen=True)
class Signature:
    """One signature, `boot_ns` being the moment before it was sent; `home` is the name of the home directory."""

    boot_ns: int
    home: str
    pid: int
    kind: str
    height: int


class SignatureLog:
    """Follows the log; each call costs only what is new."""

    def __init__(self, log: Path, account: str) -> None:
        self._log = log
        self._account = account
        self._offset = 0
        self._rest = b""
        self._found: list[Signature] = []

    def poll(self) -> Sequence[Signature]:
        """All signatures so far, in order of their time; none while there is no log."""
        try:
            with self._log.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return self._found
        self._offset += len(data)
        # A line without its end is still being written, by another process.
        *lines, self._rest = (self._rest + data).split(b"\n")
        fresh = [signature for line in lines if (signature := self._parse(line)) is not None]
        for signature in fresh:
            # Two processes may write in the other order than they read their clock.
            insort(self._found, signature, key=lambda known: known.boot_ns)
        return self._found

    def forget(self, before_ns: int) -> None:
        """What was signed before then is not wanted any more: a long run would look at more and more."""
        del self._found[: bisect_left(self._found, before_ns, key=lambda known: known.boot_ns)]

    def _parse(self, line: bytes) -> Signature | None:
        try:
            entry = json.loads(line)
            if entry["event"] != "sign" or entry["account"] != self._account:
                return None
            home = Path(entry["home"]).name
            return Signature(int(entry["boot_ns"]), home, int(entry["pid"]), str(entry["kind"]), int(entry["height"]))
        except (KeyError, TypeError, ValueError):
            return None  # the referee counts these, and complains


def between(signatures: Sequence[Signature], start_ns: int, end_ns: int) -> Sequence[Signature]:
    """Those from `start_ns` to `end_ns`, both included."""
    times = [signature.boot_ns for signature in signatures]
    return signatures[bisect_left(times, start_ns) : bisect_right(times, end_ns)]


def last_before(signatures: Sequence[Signature], when_ns: int) -> Signature | None:
    """The last one before `when_ns`."""
    found = between(signatures, 0, when_ns - 1)
    return found[-1] if found else None


def first_since(signatures: Sequence[Signature], when_ns: int) -> Signature | None:
    """The first one at or after `when_ns`."""
    return next((signature for signature in signatures if signature.boot_ns >= when_ns), None)


def longest_silence(signatures: Sequence[Signature], start_ns: int, end_ns: int) -> float:
    """Seconds of the longest time without a signature within the window, its edges counting as ends of a silence."""
    times = [start_ns, *(signature.boot_ns for signature in between(signatures, start_ns, end_ns)), end_ns]
    return max(seconds(earlier, later) for earlier, later in pairwise(times))


def change_gap(signatures: Sequence[Signature], start_ns: int, end_ns: int) -> float:
    """Seconds of the longest gap at a change of the signing process within the window; 0 if one signed throughout."""
    window = between(signatures, start_ns, end_ns)
    changes = (pair for pair in pairwise(window) if pair[0].pid != pair[1].pid)
    return max((seconds(old.boot_ns, new.boot_ns) for old, new in changes), default=0.0)
