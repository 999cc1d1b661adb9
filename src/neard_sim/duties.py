"""What a validator owes at this moment: approval, chunk, endorsement, block. No sockets, no clock of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from . import block as blocks
from .block import Block
from .chain import Chain, Entry
from .doomslug import Doomslug
from .signing import Desk
from .validators import Epoch
from .votes import Approval, Chunk, Endorsement, Votes


@dataclass
class Produced:
    """Made by this process since its start."""

    blocks: int = 0
    chunks: int = 0


class Duties:
    """The validator side of one node. Works on the node's own chain, votes and timers.

    ``used_up``: the head and the target at which a running node got its key. nearcore counts an approval as made
    without a key, too, so that the first one which it signs is for another target.
    """

    def __init__(  # noqa: PLR0917 - the parts of a node that it works on
        self,
        chain: Chain,
        votes: Votes,
        doomslug: Doomslug,
        desk: Desk,
        produced: Produced,
        used_up: tuple[str, int] | None = None,
    ) -> None:
        self._chain = chain
        self._votes = votes
        self._doomslug = doomslug
        self._desk = desk
        self.produced = produced
        self._used_up = used_up
        self._ready: tuple[str, int, int] = ("", 0, 0)
        """Upon which head, at which height and since when a block has its votes."""
        self.last_approval: Approval | None = None
        self.waits_until = 0
        """When a block that has its votes is made without its chunk."""

    def due(self, now_ns: int) -> Iterator[Approval | Chunk | Endorsement | Block]:
        """Sign what is owed now, most urgent first; each item goes out before the next is asked for.

        A block is the last item: the caller takes it in as its new head and asks again.
        """
        head = self._chain.head
        target = self._doomslug.target(now_ns)
        if (head.block.hash, target) != self._used_up and self._seat(self._chain.epoch_for(target, head)):
            approval = self._desk.approve(target, blocks.approval_parent(head.block.hash, head.block.height, target))
            if approval is not None:
                self.last_approval = approval
                self._votes.add_approval(approval, self._chain.epoch_for(target, head))
                yield approval
        yield from self._chunk_work(head)
        block = self._block(head, now_ns)
        if block is not None:
            self.produced.blocks += 1
            yield block

    def key_mismatch(self) -> bool:
        """Whether the account validates now with another key than this one."""
        seat = self._chain.head.epoch.find(self._desk.account)
        return seat is not None and seat.public_key != self._desk.public_key

    def _seat(self, epoch: Epoch) -> bool:
        seat = epoch.find(self._desk.account)
        return seat is not None and seat.public_key == self._desk.public_key

    def _chunk_work(self, head: Entry) -> Iterator[Chunk | Endorsement]:
        height = head.block.height + 1
        epoch = self._chain.epoch_for(height, head)
        if not self._seat(epoch):
            return
        if epoch.chunk_producer(height).account_id == self._desk.account:
            made = self._desk.chunk(head.block.hash, height)
            if made is not None:
                self.produced.chunks += 1
                self._votes.add_chunk(made, epoch)
                yield made
        chunk = self._votes.chunk(head.block.hash)
        endorsement = self._desk.endorse(chunk) if chunk is not None else None
        if endorsement is not None:
            self._votes.add_endorsement(endorsement, epoch)
            yield endorsement

    def _block(self, head: Entry, now_ns: int) -> Block | None:
        """The block for the lowest height that is ours, whose time has come and that has the votes."""
        above = head.block
        for height in self._votes.targets():
            if height <= above.height or not self._doomslug.may_produce(height, now_ns):
                continue
            epoch = self._chain.epoch_for(height, head)
            if epoch.producer(height).account_id != self._desk.account or not self._seat(epoch):
                continue
            approvals = self._votes.approvals(height, blocks.approval_parent(above.hash, above.height, height))
            if not epoch.has_supermajority(set(approvals)):
                continue
            chunk, endorsements = self._chunk_upon(head, epoch)
            if chunk is None and now_ns < self._chunk_wait_ends(head, height, now_ns):
                continue
            waited = self._ready[:2] == (head.block.hash, height)
            timestamp_ns = now_ns if waited else self._doomslug.block_time(height, now_ns)
            made = self._desk.block(
                height,
                head.block.hash,
                timestamp_ns,
                _in_order(epoch, approvals),
                None if chunk is None else chunk.hash,
                _in_order(epoch, endorsements),
            )
            if made is not None:
                return made
        return None

    def _chunk_upon(self, head: Entry, epoch: Epoch) -> tuple[Chunk | None, dict[str, Endorsement]]:
        """The chunk for the block upon ``head`` and who endorsed it; none before two thirds of the stake did."""
        chunk = self._votes.chunk(head.block.hash)
        endorsements = self._votes.endorsements(chunk.hash, epoch) if chunk is not None else {}
        return (chunk, endorsements) if epoch.has_supermajority(set(endorsements)) else (None, {})

    def _chunk_wait_ends(self, head: Entry, height: int, now_ns: int) -> int:
        if self._ready[:2] != (head.block.hash, height):
            self._ready = (head.block.hash, height, now_ns)
        self.waits_until = self._ready[2] + self._doomslug.chunk_wait()
        return self.waits_until


def _in_order(epoch: Epoch, votes: Mapping[str, Approval | Endorsement]) -> tuple[str | None, ...]:
    """The signatures in the order of the epoch's validators, None = absent."""
    names = [seat.account_id for seat in epoch.validators]
    return tuple(votes[name].signature if name in votes else None for name in names)
