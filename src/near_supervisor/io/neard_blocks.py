"""Looks for signatures of one account in neard's newest blocks (neard's RPC ``block``, ``validators_ordered``).

A block lists approvals in the order of the epoch's block producers, null where one is missing, and names its maker.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from near_ha.records.wire import count
from near_supervisor.core.facts.approvals import Own
from near_supervisor.core.facts.doppelganger import Look, Mark
from near_supervisor.core.facts.signing_check import Counted

from . import neard_counters
from .neard_rpc import NeardRpc, Unreadable

# Whoever signs does so in each of them: the newest ones tell.
MOST_BLOCKS = 8
EPOCHS_KEPT = 4
# Two blocks on top of one leave no doubt which one it is.
SETTLED_BELOW_HEAD = 2
_MAX_SEATS = 10_000


def read(rpc: NeardRpc, order: Order, above: int, counters: bool) -> Look:
    """The newest blocks above height ``above``; Unreadable when neard does not show them as they should be."""
    account_id = order.account_id
    newest, mark = _head(rpc), None
    for block in _down(rpc, newest, above):
        mark = _mark(block, account_id, order)
        if mark is not None:
            break
    return Look(above, newest["height"], mark, _counted(rpc, account_id) if counters else None)


def own(rpc: NeardRpc, order: Order, above: int, seen: OwnBlocks) -> Own:
    """Its approvals in the newest blocks of others above ``above``, down to the newest that has one.

    And whether a block of its own that was ``seen`` as the head has had to give way to another one of its own.
    Raises Unreadable when neard does not show its blocks as they should be.
    """
    newest, without, seated = _head(rpc), 0, True
    head: int = newest["height"]
    twice = seen.twice(rpc, newest)
    for block in _down(rpc, newest, above):
        if block["author"] == order.account_id:
            # Its own block is on the chain once another one is built upon it.
            continue
        index = order.index(block)
        seated = index is not None
        if _approves(block, index):
            return Own(head, block["height"], without, twice=twice)
        without += 1
    return Own(head, None, without, seated, twice)


def _head(rpc: NeardRpc) -> dict[str, Any]:
    return _block(rpc.call("block", {"finality": "optimistic"}))


def _down(rpc: NeardRpc, block: dict[str, Any], above: int) -> Iterator[dict[str, Any]]:
    """``block`` and those before it, as long as they are above ``above``, as far down as neard keeps them."""
    for _number in range(MOST_BLOCKS):
        if block["height"] <= above:
            return
        yield block
        try:
            block = _block(rpc.call("block", {"block_id": block["prev_hash"]}))
        except Unreadable:
            # It keeps no older ones.
            return


def _counted(rpc: NeardRpc, account_id: str) -> Counted | None:
    with contextlib.suppress(Unreadable):
        return neard_counters.read(rpc, account_id)
    return None


def _mark(block: dict[str, Any], account_id: str, order: Order) -> Mark | None:
    if block["author"] == account_id:
        return Mark(block["height"], "the signature")
    return Mark(block["height"], "an approval") if _approves(block, order.index(block)) else None


def _approves(block: dict[str, Any], index: int | None) -> bool:
    approvals = block["approvals"]
    return index is not None and index < len(approvals) and approvals[index] is not None


class OwnBlocks:
    """Blocks of the account that neard has shown as its head, until it is settled which block has their height.

    Of two blocks of one height only one is on the chain, and a neard makes no more than one: where both are of this
    account, somebody else has signed with its key. Each neard has the block first that it has made itself.
    """

    def __init__(self, account_id: str) -> None:
        self._account_id = account_id
        self._heads: dict[int, str] = {}

    def twice(self, rpc: NeardRpc, newest: dict[str, Any]) -> int | None:
        """The height of such a block, of those that are settled when ``newest`` is the head; or None."""
        found = None
        for height in [height for height in self._heads if height + SETTLED_BELOW_HEAD <= newest["height"]]:
            shown = self._heads.pop(height)
            with contextlib.suppress(Unreadable):
                block = _block(rpc.call("block", {"block_id": height}))
                if block["height"] == height and block["author"] == self._account_id and block["hash"] != shown:
                    found = height
        if newest["author"] == self._account_id:
            self._heads[newest["height"]] = newest["hash"]
        return found


class Order:
    """At which place the account's approval is; asked once for each epoch, and kept for the last few."""

    def __init__(self, rpc: NeardRpc, account_id: str) -> None:
        self._rpc, self.account_id = rpc, account_id
        self._known: dict[str, int | None] = {}

    def index(self, block: dict[str, Any]) -> int | None:
        """None: it makes no blocks in this epoch, and approves none."""
        epoch = block["epoch_id"]
        if epoch not in self._known:
            seats = self._rpc.call("EXPERIMENTAL_validators_ordered", [block["hash"]])
            if not isinstance(seats, list) or len(seats) > _MAX_SEATS:
                raise Unreadable("EXPERIMENTAL_validators_ordered is no list of validators")
            names = [seat.get("account_id") if isinstance(seat, dict) else None for seat in seats]
            while len(self._known) >= EPOCHS_KEPT:
                del self._known[next(iter(self._known))]
            self._known[epoch] = names.index(self.account_id) if self.account_id in names else None
        return self._known[epoch]


def _block(told: object) -> dict[str, Any]:
    """What matters of it; Unreadable when something is missing or is not what it should be."""
    header = told.get("header") if isinstance(told, dict) else None
    if not isinstance(told, dict) or not isinstance(header, dict):
        raise Unreadable("block has no header")
    height, approvals = count(header.get("height")), header.get("approvals")
    if height is None:
        raise Unreadable("block has no height")
    if not isinstance(approvals, list) or len(approvals) > _MAX_SEATS:
        raise Unreadable("block has no list of approvals")
    words = {name: header.get(name) for name in ("hash", "prev_hash", "epoch_id")} | {"author": told.get("author")}
    if not all(isinstance(word, str) for word in words.values()):
        raise Unreadable("block does not say its hashes, epoch and author")
    return {**words, "height": height, "approvals": approvals}
