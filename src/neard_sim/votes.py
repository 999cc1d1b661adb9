"""Votes for blocks that do not exist yet: approvals, chunks and endorsements, checked and sorted.

Pure state: what a producer puts into its next block comes from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import block as blocks
from .keys import verify
from .validators import Epoch


@dataclass(frozen=True)
class Approval:
    """One signature for a block of height ``target`` on top of ``parent`` (see block.approval_parent)."""

    account: str
    target: int
    parent: str
    signature: str

    def to_wire(self) -> list[Any]:
        """Plain JSON values; Approval(*wire) is the inverse."""
        return [self.account, self.target, self.parent, self.signature]


@dataclass(frozen=True)
class Chunk:
    """The chunk of ``height``, made on top of the block ``prev_hash``."""

    producer: str
    height: int
    prev_hash: str
    hash: str
    signature: str

    def to_wire(self) -> list[Any]:
        """Plain JSON values; Chunk(*wire) is the inverse."""
        return [self.producer, self.height, self.prev_hash, self.hash, self.signature]


@dataclass(frozen=True)
class Endorsement:
    """One validator's statement that it checked a chunk of ``height``."""

    account: str
    height: int
    chunk: str
    signature: str

    def to_wire(self) -> list[Any]:
        """Plain JSON values; Endorsement(*wire) is the inverse."""
        return [self.account, self.height, self.chunk, self.signature]


class Votes:
    """All good votes above the head. What is not signed by a validator of the epoch is left out."""

    def __init__(self) -> None:
        self._approvals: dict[tuple[int, str], dict[str, Approval]] = {}
        self._chunks: dict[str, Chunk] = {}
        self._endorsements: dict[str, dict[str, Endorsement]] = {}
        self._heights: dict[str, int] = {}

    def add_approval(self, item: Approval, epoch: Epoch) -> bool:
        """True if ``item`` is new and good."""
        known = self._approvals.setdefault((item.target, item.parent), {})
        if item.account in known:
            return False
        if not _signed(epoch, item.account, blocks.approval_message(item.parent, item.target), item.signature):
            return False
        known[item.account] = item
        return True

    def add_chunk(self, item: Chunk, epoch: Epoch) -> bool:
        """True if ``item`` is new and good, and the first one of its height and parent."""
        if item.prev_hash in self._chunks or item.producer != epoch.chunk_producer(item.height).account_id:
            return False
        if item.hash != blocks.chunk_hash(item.prev_hash, item.height, item.producer):
            return False
        if not _signed(epoch, item.producer, blocks.chunk_message(item.hash), item.signature):
            return False
        self._chunks[item.prev_hash] = item
        return True

    def add_endorsement(self, item: Endorsement, epoch: Epoch) -> bool:
        """True if ``item`` is new and by a validator. Its signature is checked only when it is used."""
        known = self._endorsements.setdefault(item.chunk, {})
        if item.account in known or epoch.find(item.account) is None:
            return False
        known[item.account] = item
        self._heights[item.chunk] = max(item.height, self._heights.get(item.chunk, 0))
        return True

    def approvals(self, target: int, parent: str) -> dict[str, Approval]:
        """The approvals for ``target`` on top of ``parent`` by account."""
        return self._approvals.get((target, parent), {})

    def targets(self) -> list[int]:
        """All heights that somebody has approved, lowest first."""
        return sorted({target for target, _parent in self._approvals})

    def chunk(self, prev_hash: str) -> Chunk | None:
        """The chunk made on top of ``prev_hash``."""
        return self._chunks.get(prev_hash)

    def endorsements(self, chunk: str, epoch: Epoch) -> dict[str, Endorsement]:
        """The good endorsements of one chunk by account."""
        message = blocks.endorsement_message(chunk)
        found = self._endorsements.get(chunk, {})
        return {name: item for name, item in found.items() if _signed(epoch, name, message, item.signature)}

    def forget_up_to(self, height: int) -> None:
        """Drop what can no longer become part of a block above ``height``."""
        self._approvals = {key: value for key, value in self._approvals.items() if key[0] > height}
        self._chunks = {key: value for key, value in self._chunks.items() if value.height > height}
        for chunk in [key for key, at in self._heights.items() if at <= height]:
            del self._heights[chunk]
            self._endorsements.pop(chunk, None)


def _signed(epoch: Epoch, account: str, message: bytes, signature: str) -> bool:
    seat = epoch.find(account)
    return seat is not None and verify(seat.public_key, message, signature)
