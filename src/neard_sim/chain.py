"""The block tree of one node: which blocks are accepted, which is the head, what the counters say.

A pure state machine: no clock, no socket, no file. The highest block is the head; of two blocks at one
height the first one wins, unless a later block builds on the other. A block is good if its author is the
producer of its height, its parent is known, its signature holds and approvals of more than two thirds of
the stake come with it.
"""

from __future__ import annotations

import enum
from collections import deque
from dataclasses import dataclass, replace

from . import block as blocks
from .block import Block
from .keys import verify
from .validators import Counters, Epoch, EpochRules, next_epoch

_ORPHANS_MAX = 512


class Outcome(enum.Enum):
    """What became of an offered block."""

    HEAD = "the new head"
    SIDE = "accepted, but not the head"
    KNOWN = "seen before"
    ORPHAN = "kept until its parent arrives"
    REJECTED = "refused"


@dataclass(frozen=True)
class Entry:
    """An accepted block with what follows from it and its ancestors."""

    block: Block
    epoch: Epoch
    counters: dict[str, Counters]
    final_height: int


class Chain:
    """All recent blocks of one node. ``head`` never goes down in height."""

    def __init__(self, rules: EpochRules, root: Entry, keep: int) -> None:
        self.rules = rules
        self._keep = keep
        self._orphans: dict[str, Block] = {}
        self.restart(root)

    def restart(self, root: Entry) -> None:
        """Forget everything but ``root``, which is trusted as it is; orphans may still find their place."""
        self.head = root
        self.root = root
        self._entries = {root.block.hash: root}
        self._canonical = {root.block.height: root.block.hash}
        self._first_at = {root.block.height: root.block.hash}
        self._order: deque[str] = deque((root.block.hash,))

    def get(self, hash_: str) -> Entry | None:
        """The accepted block with this hash, if it is still kept."""
        return self._entries.get(hash_)

    def at(self, height: int) -> Entry | None:
        """The block of the head's own chain at ``height``; None if skipped, forgotten or in the future."""
        hash_ = self._canonical.get(height)
        return None if hash_ is None else self._entries.get(hash_)

    def earliest(self) -> Entry:
        """The lowest block still kept."""
        return self._entries[self._order[0]]

    def from_height(self, start: int, count: int) -> list[Block]:
        """Up to ``count`` blocks of the head's own chain at or above ``start``, in order."""
        found: list[Block] = []
        for height in range(max(start, self.earliest().block.height), self.head.block.height + 1):
            if len(found) == count:
                break
            entry = self.at(height)
            if entry is not None:
                found.append(entry.block)
        return found

    def epoch_for(self, height: int, parent: Entry) -> Epoch:
        """The epoch that a block of ``height`` on top of ``parent`` belongs to."""
        epoch = parent.epoch
        if self.rules.epoch_of(height) == epoch.index:
            return epoch
        return self._advance(parent, height)[0]

    def offer(self, block: Block, *, requested: bool = False, trusted: bool = False) -> tuple[Outcome, str]:
        """Take ``block`` in; the text says why if it is refused.

        ``requested``: asked for by this node, so a second block at its height is welcome.
        ``trusted``: from this node's own disk, so signatures are not checked again.
        """
        if block.hash in self._entries or block.hash in self._orphans:
            return Outcome.KNOWN, ""
        if block.height <= self.root.block.height:
            return Outcome.KNOWN, ""
        first = self._first_at.get(block.height)
        if first is not None and first != block.hash and not requested:
            return Outcome.REJECTED, "rejecting un-requested block"
        parent = self._entries.get(block.prev_hash)
        if parent is None:
            return self._keep_orphan(block)
        if not trusted:
            fault = self._fault(block, parent)
            if fault:
                return Outcome.REJECTED, fault
        return self._accept(block, parent), ""

    def release_orphans(self) -> list[Block]:
        """Orphans whose parent has arrived, lowest first; they have to be offered again."""
        ready = sorted((item for item in self._orphans.values() if item.prev_hash in self._entries), key=_height)
        for item in ready:
            del self._orphans[item.hash]
        for hash_ in [key for key, item in self._orphans.items() if item.height <= self.head.final_height]:
            del self._orphans[hash_]
        return ready

    def _keep_orphan(self, block: Block) -> tuple[Outcome, str]:
        if len(self._orphans) >= _ORPHANS_MAX:
            del self._orphans[min(self._orphans.values(), key=_height).hash]
        self._orphans[block.hash] = block
        return Outcome.ORPHAN, ""

    def _fault(self, block: Block, parent: Entry) -> str:
        """Why ``block`` is bad, or an empty text."""
        above = parent.block
        if block.height <= above.height or block.timestamp_ns <= above.timestamp_ns:
            return "invalid height or timestamp"
        epoch = self.epoch_for(block.height, parent)
        producer = epoch.producer(block.height)
        if block.author != producer.account_id or block.hash != block.content_hash():
            return "invalid author or hash"
        if not verify(producer.public_key, block.message(), block.signature):
            return "invalid block signature"
        message = blocks.approval_message(blocks.approval_parent(above.hash, above.height, block.height), block.height)
        approved = set()
        for seat, signature in zip(epoch.validators, block.approvals, strict=False):
            if signature is None:
                continue
            if not verify(seat.public_key, message, signature):
                return "invalid approval"
            approved.add(seat.account_id)
        return "" if epoch.has_supermajority(approved) else "not enough approvals"

    def _accept(self, block: Block, parent: Entry) -> Outcome:
        epoch, counters = self._advance(parent, block.height)
        self._count(block, parent, epoch, counters)
        entry = Entry(block, epoch, counters, self._final_height(block, parent))
        self._entries[block.hash] = entry
        self._first_at.setdefault(block.height, block.hash)
        self._order.append(block.hash)
        if block.height <= self.head.block.height:
            return Outcome.SIDE
        self.head = entry
        self._rewrite_canonical(entry)
        self._forget()
        return Outcome.HEAD

    def _advance(self, parent: Entry, height: int) -> tuple[Epoch, dict[str, Counters]]:
        """Epoch and counters just before ``height``: skipped heights are charged to their producers."""
        epoch, counters = parent.epoch, dict(parent.counters)
        for each in range(parent.block.height + 1, height + 1):
            if self.rules.epoch_of(each) > epoch.index:
                epoch = next_epoch(epoch, counters, self.rules)
                counters = {}
            if each < height:
                name = epoch.producer(each).account_id
                have = counters.get(name, Counters())
                counters[name] = replace(have, blocks_expected=have.blocks_expected + 1)
        return epoch, counters

    @staticmethod
    def _count(block: Block, parent: Entry, epoch: Epoch, counters: dict[str, Counters]) -> None:
        """Add what ``block`` itself shows. Endorsements count only where there was a chunk to endorse."""
        has_chunk = block.chunk is not None
        chunk_producer = epoch.chunk_producer(parent.block.height + 1).account_id
        endorsements = block.endorsements or (None,) * len(epoch.validators)
        for seat, endorsement in zip(epoch.validators, endorsements, strict=False):
            have = counters.get(seat.account_id, Counters())
            made_block = seat.account_id == block.author
            owed_chunk = seat.account_id == chunk_producer
            counters[seat.account_id] = Counters(
                have.blocks + made_block,
                have.blocks_expected + made_block,
                have.chunks + (owed_chunk and has_chunk),
                have.chunks_expected + owed_chunk,
                have.endorsements + (has_chunk and endorsement is not None),
                have.endorsements_expected + has_chunk,
            )

    def _final_height(self, block: Block, parent: Entry) -> int:
        """Of three blocks at heights in a row the lowest is final."""
        above = self._entries.get(parent.block.prev_hash)
        if above is not None and block.height == parent.block.height + 1 == above.block.height + 2:
            return above.block.height
        return parent.final_height

    def _rewrite_canonical(self, entry: Entry) -> None:
        """Make the way from ``entry`` down to the old chain the canonical one."""
        above: Entry | None = entry
        while above is not None and self._canonical.get(above.block.height) != above.block.hash:
            self._canonical[above.block.height] = above.block.hash
            below = self._entries.get(above.block.prev_hash)
            floor = below.block.height if below is not None else self.root.block.height
            for height in range(floor + 1, above.block.height):
                self._canonical.pop(height, None)
            above = below

    def _forget(self) -> None:
        while len(self._order) > self._keep:
            gone = self._entries.pop(self._order.popleft())
            if self._canonical.get(gone.block.height) == gone.block.hash:
                del self._canonical[gone.block.height]
            self._first_at.pop(gone.block.height, None)


def _height(block: Block) -> int:
    return block.height
