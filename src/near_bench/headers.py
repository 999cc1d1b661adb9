"""What the chain says of one validator: which blocks have its approval in their header, and for how long none had.

No log of a signer is needed for that, so it is the same measure for a real neard and for the simulated one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from near_localnet.problem import Problem
from near_measure.clock import NS

Ask = Callable[[str, object], Any]
"""A JSON-RPC call, by method and parameters; None where there is no answer."""
FIRST_LOOK = 50
"""So many headers back goes the first look."""


@dataclass(frozen=True)
class Header:
    """One block of the chain as it is now. `made_ns` is the block's own time, nanoseconds since 1970."""

    height: int
    hash: str
    made_ns: int
    approved: bool


@dataclass(frozen=True)
class Gap:
    """Seconds between two blocks that have the approval, and how many blocks without it are between them."""

    seconds: float
    headers: int


class HeaderLog:
    """Follows the chain at one node; each call costs only what is new."""

    def __init__(self, ask: Ask, account: str) -> None:
        self._ask = ask
        self._account = account
        self._found: list[Header] = []
        self._seats: dict[str, int] = {}

    def poll(self) -> Sequence[Header]:
        """All headers so far, in order of their heights; what a fork took back is not among them.

        Raises Problem where the account is no validator of the epoch, and for an answer that is none.
        """
        document = self._ask("block", {"finality": "optimistic"})
        places = {header.hash: place for place, header in enumerate(self._found)}
        fresh: list[Header] = []
        while document is not None:
            header, parent = self._read(document)
            if header.hash in places:
                return self._grown(places[header.hash] + 1, fresh)
            fresh.append(header)
            if len(fresh) >= FIRST_LOOK and not self._found:
                return self._grown(0, fresh)
            document = self._ask("block", {"block_id": parent})
        # The node went silent, or has no older ones: the first look ends there, a later one is tried again.
        return self._grown(0, fresh) if not self._found else self._found

    def _grown(self, kept: int, fresh: list[Header]) -> Sequence[Header]:
        self._found = [*self._found[:kept], *reversed(fresh)]
        return self._found

    def _read(self, document: Any) -> tuple[Header, str]:
        try:
            header = document["header"]
            approvals = header["approvals"]
            seat = self._seat(str(header["epoch_id"]), str(header["hash"]))
            # The list may be longer: in the last block of an epoch the next one's validators come after it.
            approved = seat < len(approvals) and approvals[seat] is not None
            made_ns = int(header["timestamp_nanosec"])
            return Header(int(header["height"]), str(header["hash"]), made_ns, approved), str(header["prev_hash"])
        except (KeyError, TypeError, ValueError) as error:
            raise Problem(f"The chain's answer to `block` cannot be read: {error!r}.") from None

    def _seat(self, epoch: str, block: str) -> int:
        if epoch not in self._seats:
            seats = self._ask("EXPERIMENTAL_validators_ordered", [block]) or []
            names = [seat["account_id"] for seat in seats]
            if self._account not in names:
                raise Problem(f"{self._account} is no validator of the epoch {epoch}; there are {', '.join(names)}.")
            self._seats[epoch] = names.index(self._account)
        return self._seats[epoch]


def longest_gap(headers: Sequence[Header], since_ns: int) -> Gap:
    """The longest time without an approval that ended after `since_ns`; it may have begun before.

    Only what has ended counts: headers after the last one with an approval say nothing yet.
    """
    longest, last, between = Gap(0.0, 0), None, 0
    for header in headers:
        if not header.approved:
            between += 1
            continue
        if last is not None and header.made_ns > since_ns:
            longest = max(longest, Gap((header.made_ns - last.made_ns) / NS, between), key=lambda gap: gap.seconds)
        last, between = header, 0
    return longest


def settled(headers: Sequence[Header], since_ns: int, look: int, approved: int) -> bool:
    """Whether the last `look` headers were made after `since_ns`, and `approved` of them have it, the last one too."""
    last = headers[-look:]
    enough = len(last) == look and last[0].made_ns > since_ns and last[-1].approved
    return enough and sum(header.approved for header in last) >= approved
