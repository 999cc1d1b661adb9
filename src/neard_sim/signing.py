"""Every signature of a node passes here: never twice at one height, on record before it exists outside."""

from __future__ import annotations

from . import block as blocks
from .block import Block
from .keys import Signer
from .referee_log import RefereeLog
from .store import Store
from .votes import Approval, Chunk, Endorsement


class Desk:
    """Signs for one account. The order is fixed: mark on disk, line for the referee, signature, return.

    Each method answers None where this data directory has already signed that height or a later one.
    """

    def __init__(self, signer: Signer, store: Store, referee: RefereeLog) -> None:
        self._signer = signer
        self._store = store
        self._referee = referee
        self.account = signer.account_id
        self.public_key = signer.public_key

    def approve(self, target: int, parent: str) -> Approval | None:
        """An approval for ``target`` on top of ``parent``."""
        message = blocks.approval_message(parent, target)
        marks = self._store.marks
        if target <= marks.largest_target_height:
            return None
        marks.largest_target_height = target
        return Approval(
            self.account, target, parent, self._sign("approval", target, blocks.digest(parent, target), message)
        )

    def chunk(self, prev_hash: str, height: int) -> Chunk | None:
        """The chunk of ``height`` on top of the block ``prev_hash``."""
        marks = self._store.marks
        if height <= marks.chunk_height:
            return None
        marks.chunk_height = height
        hash_ = blocks.chunk_hash(prev_hash, height, self.account)
        return Chunk(
            self.account, height, prev_hash, hash_, self._sign("chunk", height, hash_, blocks.chunk_message(hash_))
        )

    def endorse(self, chunk: Chunk) -> Endorsement | None:
        """An endorsement of ``chunk``."""
        marks = self._store.marks
        if chunk.height <= marks.endorsement_height:
            return None
        marks.endorsement_height = chunk.height
        signature = self._sign("endorsement", chunk.height, chunk.hash, blocks.endorsement_message(chunk.hash))
        return Endorsement(self.account, chunk.height, chunk.hash, signature)

    def block(  # noqa: PLR0917 - the fields of a block
        self,
        height: int,
        prev_hash: str,
        timestamp_ns: int,
        approvals: tuple[str | None, ...],
        chunk: str | None,
        endorsements: tuple[str | None, ...],
    ) -> Block | None:
        """The block of ``height``."""
        marks = self._store.marks
        if height <= marks.latest_known_height:
            return None
        marks.latest_known_height = height
        draft = Block(height, prev_hash, timestamp_ns, self.account, approvals, chunk, endorsements, "", "")
        hash_ = draft.content_hash()
        unsigned = Block(height, prev_hash, timestamp_ns, self.account, approvals, chunk, endorsements, hash_, "")
        signature = self._sign("block", height, hash_, unsigned.message())
        return Block(height, prev_hash, timestamp_ns, self.account, approvals, chunk, endorsements, hash_, signature)

    def _sign(self, kind: str, height: int, content: str, message: bytes) -> str:
        self._store.save_marks()
        self._store.log_signature(kind, height, content)
        self._referee.sign(self.account, kind, height, content)
        return self._signer.sign(message)
