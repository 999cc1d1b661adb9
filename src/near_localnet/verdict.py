"""What the simulation's referee says of the signatures so far, and how long nobody signed."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

from neard_sim.referee import Follower, Gap

NS = 1_000_000_000
LAST_LINES_BYTES = 4096


@dataclass(frozen=True)
class Verdict:
    """`clean`: nothing was signed twice, and no two processes held one key at one time."""

    clean: bool
    text: str
    signatures: int
    double_signatures: int
    overlaps: int


class Judge:
    """Follows the log of all signatures. A real neard writes none: then there is neither verdict nor gap."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._follower = Follower(log)

    def verdict(self) -> Verdict | None:
        """The verdict on everything signed so far."""
        try:
            found = self._follower.poll().verdict()
        except OSError:
            return None
        count, doubles, overlaps = sum(found.signatures.values()), len(found.double_signatures), len(found.overlaps)
        offences = f"{doubles} double signatures, {overlaps} times two holders of one key"
        text = "nothing signed twice, never two holders of one key" if found.clean else f"GUILTY: {offences}"
        return Verdict(found.clean, f"{text} ({count} signatures)", count, doubles, overlaps)

    def gap(self, account: str, new_home: str, since_ns: int) -> Gap | None:
        """The first change of signer of `account` to the home of that name after `since_ns` (CLOCK_BOOTTIME)."""
        try:
            changes = self._follower.poll().gaps(account)
        except OSError:
            return None
        return next((g for g in changes if Path(g.new.home).name == new_home and g.first_boot_ns > since_ns), None)

    def signer(self, account: str) -> str:
        """The name of the home that has signed for `account` last; "" where nobody has, or nobody tells."""
        try:
            found = self._follower.poll().signer(account)
        except OSError:
            return ""
        return Path(found.home).name if found else ""


def retire_log_of_earlier_boot(log: Path) -> None:
    """Sets a log aside that was written before the machine was started: its times mean nothing any more."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LAST_LINES_BYTES))
            last = file.read().splitlines()[-1]
        written_ns = int(json.loads(last)["boot_ns"])
    except (OSError, LookupError, ValueError, TypeError):
        return
    if written_ns > time.clock_gettime_ns(time.CLOCK_BOOTTIME):
        log.replace(log.with_suffix(".before-boot.log"))
