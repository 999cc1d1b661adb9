"""Looks for signatures of one account in neard's newest blocks (neard-facts: RPC ``block``, ``validators_ordered``).

A block lists approvals in the order of the epoch's block producers, null where one is missing, and names its maker.
"""

from __future__ import annotations

import contextlib
from typing import Any

from near_supervisor.core.proof import Counted
from near_supervisor.core.witness import Look, Mark

from . import neard_counters
from .neard_rpc import NeardRpc, Unreadable

# Whoever signs does so in each of them: the newest ones tell.
MOST_BLOCKS = 8
_MAX_SEATS = 10_000
_MAX_HEIGHT = 2**53


def read(rpc: NeardRpc, account_id: str, above: int, counters: bool) -> Look:
    """The newest blocks above height ``above``; Unreadable when neard does not show them as they should be."""
    order = _Order(rpc, account_id)
    block = _block(rpc.call("block", {"finality": "optimistic"}))
    head, mark = block["height"], None
    for _number in range(MOST_BLOCKS):
        if block["height"] <= above:
            break
        mark = _mark(block, account_id, order)
        if mark is not None:
            break
        try:
            block = _block(rpc.call("block", {"block_id": block["prev_hash"]}))
        except Unreadable:
            # It keeps no older ones.
            break
    return Look(above, head, mark, _counted(rpc, account_id) if counters else None)


def _counted(rpc: NeardRpc, account_id: str) -> Counted | None:
    with contextlib.suppress(Unreadable):
        return neard_counters.read(rpc, account_id)
    return None


def _mark(block: dict[str, Any], account_id: str, order: _Order) -> Mark | None:
    if block["author"] == account_id:
        return Mark(block["height"], "the signature")
    index = order.index(block)
    approvals = block["approvals"]
    if index is not None and index < len(approvals) and approvals[index] is not None:
        return Mark(block["height"], "an approval")
    return None


class _Order:
    """At which place the account's approval is; asked once for each epoch."""

    def __init__(self, rpc: NeardRpc, account_id: str) -> None:
        self._rpc, self._account_id = rpc, account_id
        self._known: dict[str, int | None] = {}

    def index(self, block: dict[str, Any]) -> int | None:
        """None: it makes no blocks in this epoch, and approves none."""
        epoch = block["epoch_id"]
        if epoch not in self._known:
            seats = self._rpc.call("EXPERIMENTAL_validators_ordered", [block["hash"]])
            if not isinstance(seats, list) or len(seats) > _MAX_SEATS:
                raise Unreadable("EXPERIMENTAL_validators_ordered is no list of validators")
            names = [seat.get("account_id") if isinstance(seat, dict) else None for seat in seats]
            self._known[epoch] = names.index(self._account_id) if self._account_id in names else None
        return self._known[epoch]


def _block(told: object) -> dict[str, Any]:
    """What matters of it; Unreadable when something is missing or is not what it should be."""
    header = told.get("header") if isinstance(told, dict) else None
    if not isinstance(told, dict) or not isinstance(header, dict):
        raise Unreadable("block has no header")
    height, approvals = header.get("height"), header.get("approvals")
    if not isinstance(height, int) or isinstance(height, bool) or not 0 <= height < _MAX_HEIGHT:
        raise Unreadable("block has no height")
    if not isinstance(approvals, list) or len(approvals) > _MAX_SEATS:
        raise Unreadable("block has no list of approvals")
    words = {name: header.get(name) for name in ("hash", "prev_hash", "epoch_id")} | {"author": told.get("author")}
    if not all(isinstance(word, str) for word in words.values()):
        raise Unreadable("block does not say its hashes, epoch and author")
    return {**words, "height": height, "approvals": approvals}
