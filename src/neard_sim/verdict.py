"""What the referee finds in a log of signatures: double signatures, overlapping holders, changes of signer.

Pure: fed with the bytes of the log in pieces of any size, in their order. A signer is a home directory and
a pid. One home directory is one node, also across restarts: its own data directory keeps it from signing a
height anew, so that twice the same signature from one home is no offence, and two different ones are.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

_NS_PER_MS = 1_000_000


@dataclass(frozen=True)
class Signer:
    """One process that signs, or could sign."""

    home: str
    pid: int
    node_id: str

    def __str__(self) -> str:
        """For people: home and pid."""
        return f"{self.home} (pid {self.pid})"


@dataclass(frozen=True)
class DoubleSignature:
    """Two signatures of one kind at one height by one account. Times are CLOCK_BOOTTIME in nanoseconds."""

    account: str
    kind: str
    height: int
    first: Signer
    second: Signer
    first_boot_ns: int
    second_boot_ns: int
    same_content: bool


@dataclass(frozen=True)
class Overlap:
    """Two processes from two homes that held one key at the same time, for at least ``overlap_ms``."""

    account: str
    first: Signer
    second: Signer
    start_boot_ns: int
    end_boot_ns: int

    @property
    def overlap_ms(self) -> float:
        """Milliseconds that both are known to have been alive."""
        return (self.end_boot_ns - self.start_boot_ns) / _NS_PER_MS


@dataclass
class Gap:
    """The signer of an account has changed.

    ``heights_missed``: heights between the last approval of the old and the first of the new signer; None
    until the new one has approved something, negative if it approved what the old one already had.
    """

    account: str
    old: Signer
    new: Signer
    last_boot_ns: int
    first_boot_ns: int
    heights_missed: int | None = None

    @property
    def gap_ms(self) -> float:
        """Milliseconds from the old signer's last signature to the new one's first."""
        return (self.first_boot_ns - self.last_boot_ns) / _NS_PER_MS

    @property
    def is_restart(self) -> bool:
        """Whether the signer is the same home in a new process."""
        return self.old.home == self.new.home


@dataclass
class Verdict:
    """What is known after the lines fed so far."""

    lines: int
    unreadable: int
    signatures: dict[str, int]
    """Number of signatures by account."""
    heights: dict[str, int]
    """Highest signed height by account."""
    double_signatures: list[DoubleSignature]
    overlaps: list[Overlap]

    @property
    def clean(self) -> bool:
        """Whether no offence was found."""
        return not self.double_signatures and not self.overlaps


@dataclass
class _Leadership:
    """One process's possession of one key, from the first to the last line that shows it."""

    signer: Signer
    first_ns: int
    last_ns: int


@dataclass
class _Account:
    signed: dict[tuple[str, int], tuple[int, int, int]] = field(default_factory=dict)
    """(kind, height) to (number of the signer, hash of the content, boot time)."""
    leaderships: list[_Leadership] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    current: Signer | None = None
    last_ns: int = 0
    signatures: int = 0
    height: int = 0
    approved: int = 0


class Referee:
    """Takes the log in, answers at any time. Time and memory grow with the number of lines fed, no faster."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines = 0
        self._unreadable = 0
        self._accounts: dict[str, _Account] = {}
        self._signers: list[Signer] = []
        self._numbers: dict[Signer, int] = {}
        self._doubles: list[DoubleSignature] = []

    def feed(self, data: bytes) -> None:
        """Take in the next bytes of the log; a line without its end waits for the rest."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._lines += 1
            try:
                self._line(json.loads(line))
            except (KeyError, TypeError, ValueError):
                self._unreadable += 1

    def verdict(self, account: str | None = None) -> Verdict:
        """The findings so far, on one account or all."""
        chosen = {name: item for name, item in self._accounts.items() if account in (None, name)}
        return Verdict(
            self._lines,
            self._unreadable,
            {name: item.signatures for name, item in chosen.items()},
            {name: item.height for name, item in chosen.items()},
            [item for item in self._doubles if item.account in chosen],
            [found for name, item in chosen.items() for found in _overlaps(name, item.leaderships)],
        )

    def gaps(self, account: str, *, restarts: bool = False) -> list[Gap]:
        """The changes of signer of ``account`` from home to home, in order; with new processes of one home, too."""
        item = self._accounts.get(account)
        return [gap for gap in item.gaps if restarts or not gap.is_restart] if item is not None else []

    def signer(self, account: str) -> Signer | None:
        """Who has signed for ``account`` last; None: nobody has."""
        item = self._accounts.get(account)
        return item.current if item is not None else None

    def _line(self, entry: dict[str, Any]) -> None:
        signer = Signer(str(entry["home"]), int(entry["pid"]), str(entry["node_id"]))
        now = int(entry["boot_ns"])
        event = entry["event"]
        account = self._accounts.setdefault(str(entry["account"]), _Account())
        if event == "sign":
            self._sign(account, entry, signer, now)
        elif event not in ("hold", "alive", "drop"):
            raise ValueError(event)
        self._possess(account, signer, now, starts=event == "hold")

    @staticmethod
    def _possess(account: _Account, signer: Signer, now: int, *, starts: bool) -> None:
        if not starts:
            for leadership in reversed(account.leaderships):
                if leadership.signer == signer:
                    leadership.last_ns = max(leadership.last_ns, now)
                    return
        account.leaderships.append(_Leadership(signer, now, now))

    def _sign(self, account: _Account, entry: dict[str, Any], signer: Signer, now: int) -> None:
        kind, height = str(entry["kind"]), int(entry["height"])
        number = self._numbers.get(signer)
        if number is None:
            number = self._numbers[signer] = len(self._signers)
            self._signers.append(signer)
        content = hash(entry["content"])
        known = account.signed.setdefault((kind, height), (number, content, now))
        if known[2] != now or known[0] != number:
            first = self._signers[known[0]]
            # Two endorsements of one chunk are the same bytes, and a block counts one of them
            # (docs/explanation/safety.md).
            harmless = kind == "endorsement" or first.home == signer.home
            if known[1] != content or not harmless:
                name = str(entry["account"])
                self._doubles.append(
                    DoubleSignature(name, kind, height, first, signer, known[2], now, known[1] == content)
                )
        self._follow_signer(account, str(entry["account"]), signer, now)
        if kind == "approval":
            self._approved(account, height)
        account.signatures += 1
        account.height = max(account.height, height)
        account.last_ns = now

    @staticmethod
    def _follow_signer(account: _Account, name: str, signer: Signer, now: int) -> None:
        if account.current is not None and account.current != signer:
            account.gaps.append(Gap(name, account.current, signer, account.last_ns, now))
        account.current = signer

    @staticmethod
    def _approved(account: _Account, height: int) -> None:
        if account.gaps and account.gaps[-1].heights_missed is None:
            account.gaps[-1].heights_missed = height - account.approved - 1
        account.approved = height


def _overlaps(account: str, leaderships: list[_Leadership]) -> list[Overlap]:
    found = []
    for index, second in enumerate(leaderships):
        for first in leaderships[:index]:
            start, end = max(first.first_ns, second.first_ns), min(first.last_ns, second.last_ns)
            if first.signer.home != second.signer.home and start <= end:
                found.append(Overlap(account, first.signer, second.signer, start, end))
    return found


def to_json(verdict: Verdict, gaps: list[Gap]) -> dict[str, Any]:
    """Everything as plain JSON values, computed figures included."""
    return {
        "clean": verdict.clean,
        "lines": verdict.lines,
        "unreadable": verdict.unreadable,
        "signatures": verdict.signatures,
        "heights": verdict.heights,
        "double_signatures": [asdict(item) for item in verdict.double_signatures],
        "overlaps": [asdict(item) | {"overlap_ms": item.overlap_ms} for item in verdict.overlaps],
        "gaps": [asdict(item) | {"gap_ms": item.gap_ms} for item in gaps],
    }
