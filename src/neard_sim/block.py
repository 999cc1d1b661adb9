"""Blocks and votes as values: what is signed, how it is hashed, how it travels.

Hashes and signatures are hexadecimal digits inside the simulation; RPC shows them in base58 as neard does.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from near_ha.keys import base58


def digest(*parts: object) -> str:
    """The hash of ``parts`` in their order."""
    return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()


def show_hash(hex_hash: str) -> str:
    """A hash as RPC shows it."""
    return base58.encode(bytes.fromhex(hex_hash))


def show_signature(hex_signature: str) -> str:
    """A signature as RPC shows it."""
    return "ed25519:" + base58.encode(bytes.fromhex(hex_signature))


def approval_parent(parent_hash: str, parent_height: int, target: int) -> str:
    """What an approval for ``target`` on top of a parent names: its hash for the next height, else its height."""
    return f"E:{parent_hash}" if target == parent_height + 1 else f"S:{parent_height}"


def approval_message(parent: str, target: int) -> bytes:
    """The bytes an approval signs."""
    return f"approval:{parent}:{target}".encode()


def chunk_hash(prev_hash: str, height: int, producer: str) -> str:
    """The hash of the one chunk that ``producer`` may make for ``height``."""
    return digest("chunk", prev_hash, height, producer)


def chunk_message(hash_: str) -> bytes:
    """The bytes a chunk's producer signs."""
    return f"chunk:{hash_}".encode()


def endorsement_message(hash_: str) -> bytes:
    """The bytes a chunk validator signs."""
    return f"endorsement:{hash_}".encode()


@dataclass(frozen=True)
class Block:
    """One block. ``approvals`` and ``endorsements`` are in the order of the epoch's validators, None = absent."""

    height: int
    prev_hash: str
    timestamp_ns: int
    author: str
    approvals: tuple[str | None, ...]
    chunk: str | None
    endorsements: tuple[str | None, ...]
    hash: str
    signature: str

    def message(self) -> bytes:
        """The bytes the author signs."""
        return f"block:{self.hash}".encode()

    def content_hash(self) -> str:
        """The hash that the fields ought to have."""
        return digest(
            "block", self.height, self.prev_hash, self.timestamp_ns, self.author,
            self.approvals, self.chunk, self.endorsements,
        )  # fmt: skip

    def to_wire(self) -> list[Any]:
        """The block as plain JSON values."""
        return [
            self.height, self.prev_hash, self.timestamp_ns, self.author,
            self.approvals, self.chunk, self.endorsements, self.hash, self.signature,
        ]  # fmt: skip

    @staticmethod
    def from_wire(wire: list[Any]) -> Block:
        """The inverse of to_wire(); TypeError or ValueError for anything else."""
        height, prev_hash, timestamp_ns, author, approvals, chunk, endorsements, hash_, signature = wire
        return Block(
            int(height), str(prev_hash), int(timestamp_ns), str(author),
            tuple(approvals), chunk, tuple(endorsements), str(hash_), str(signature),
        )  # fmt: skip


def genesis_block(chain_id: str, height: int, timestamp_ns: int, salt: str) -> Block:
    """The block that all nodes of one chain agree on; ``salt`` stands for the rest of genesis."""
    hash_ = digest("genesis", chain_id, height, timestamp_ns, salt)
    return Block(height, "0" * 64, timestamp_ns, "", (), None, (), hash_, "")
