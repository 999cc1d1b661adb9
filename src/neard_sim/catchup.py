"""Getting blocks that were missed: downloads at a bounded rate, state sync, and the artificial lag."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from . import clock, log
from .block import Block
from .chain import Chain, Entry, Outcome
from .config import NodeConfig
from .genesis import Genesis
from .link import Link
from .peers import Peers
from .settings import Settings
from .store import entry_from_wire, entry_to_wire
from .sync import Status, Sync

_BATCHES_PER_S = 50
_BATCH_MAX = 100
_SERVE_MAX = 200
_ANSWER_TIMEOUT_NS = 1_000_000_000
_REFETCH_NS = 50_000_000
_STATE_DEPTH = 5


class BehindNode(Protocol):
    """What is needed of the node that may be behind."""

    config: NodeConfig
    genesis: Genesis
    settings: Settings
    chain: Chain
    sync: Sync
    peers: Peers
    on_stale: Callable[[], None]

    def peer_heights(self) -> list[int]:
        """The highest block that each connected peer is known to have."""

    def take_block(self, block: Block, *, requested: bool = False) -> Outcome:
        """Offer a block to the chain."""

    def replace_chain(self, root: Entry) -> None:
        """Start again from a block with its state."""

    def wake(self) -> None:
        """Look for work soon."""

    def wake_at(self, when_ns: int) -> None:
        """Look for work at ``when_ns``."""


class Catchup:
    """The downloading side of one node, and the serving side for others."""

    def __init__(self, node: BehindNode) -> None:
        self._node = node
        self._asked: Link | None = None
        self._asked_until = 0
        self._next_batch = 0
        self._may_fetch_missing = 0

    def withholds(self, height: int) -> bool:
        """Whether a block of ``height`` is too new for the knob ``lag_heights``."""
        lag = self._node.settings.lag_heights
        return lag > 0 and height > max(self._node.peer_heights(), default=0) - lag

    def update(self, now_ns: int) -> None:
        """Bring the sync state up to date, and ask for blocks if the node is behind and nobody is asked yet."""
        node = self._node
        head = node.chain.head.block.height
        before = node.sync.status
        status = node.sync.update(now_ns, head, node.peer_heights())
        if status in (Status.NO_SYNC, Status.AWAITING_PEERS):
            if node.settings.lag_heights and status is Status.NO_SYNC:
                # What is withheld never arrives again by itself.
                self._ask(now_ns)
            return
        if before in (Status.NO_SYNC, Status.AWAITING_PEERS):
            behind = max(node.peer_heights()) - head
            log.info("sync", f"{behind} heights behind at {head}")
            self._check_stale(behind)
        self._ask(now_ns)

    def fetch_missing(self, link: Link) -> None:
        """``link`` has blocks that have not come here: ask it for what lies between."""
        now_ns = clock.wall_ns()
        if self._node.sync.syncing or self._node.settings.lag_heights or now_ns < self._may_fetch_missing:
            return
        self._may_fetch_missing = now_ns + _REFETCH_NS
        link.send_message("get", self._start(), _SERVE_MAX)

    def hear(self, link: Link, kind: str, body: list[Any]) -> None:
        """A message about downloads."""
        if kind == "get":
            self._serve(link, *body)
        elif kind == "blocks":
            self._take(body[0])
        elif kind == "state?":
            chain = self._node.chain
            entry = chain.at(max(chain.head.final_height - _STATE_DEPTH, chain.earliest().block.height))
            link.send_message("state", entry_to_wire(entry or chain.earliest()))
        elif kind == "state":
            entry = entry_from_wire(body[0])
            if entry.block.height > self._node.chain.head.block.height:
                log.info("sync", f"state sync done at height {entry.block.height}")
                self._node.replace_chain(entry)
            self._asked_until = 0
            self._node.wake()
        else:
            raise ValueError(f"unknown message {kind!r}")

    def _start(self) -> int:
        """Ask from the last block that cannot have been replaced."""
        return self._node.chain.head.final_height + 1

    def _ask(self, now_ns: int) -> None:
        node = self._node
        links = node.peers.links.values()
        if self._asked not in links:
            # Of two links to one peer that meet, one is closed: its answer never comes.
            self._asked_until = 0
        if now_ns < max(self._asked_until, self._next_batch) or not links:
            return
        head = node.chain.head.block.height
        best = max(links, key=lambda link: link.height)
        if best.height - node.settings.lag_heights <= head:
            return
        rate = max(1, node.settings.sync_rate_blocks_per_s)
        count = max(1, min(_BATCH_MAX, rate // _BATCHES_PER_S))
        self._asked, self._asked_until = best, now_ns + _ANSWER_TIMEOUT_NS
        self._next_batch = now_ns + count * clock.NS_PER_S // rate
        overlap = head - node.chain.head.final_height
        best.send_message("get", self._start(), count + overlap)

    def _serve(self, link: Link, start: int, count: int) -> None:
        """Blocks from ``start`` on; an empty list says that they are no longer kept here."""
        chain = self._node.chain
        if start < chain.earliest().block.height:
            link.send_message("blocks", [])
            return
        found = chain.from_height(start, min(count, _SERVE_MAX))
        link.send_message("blocks", [item.to_wire() for item in found])

    def _take(self, wires: list[Any]) -> None:
        node = self._node
        self._asked_until = 0
        if not wires:
            links = node.peers.links.values()
            best = max(links, key=lambda link: link.height)
            best.send_message("state?")
            node.sync.status = Status.STATE_SYNC
            self._asked_until = clock.wall_ns() + _ANSWER_TIMEOUT_NS
            return
        for wire in wires:
            block = Block.from_wire(wire)
            if self.withholds(block.height) or node.take_block(block, requested=True) is Outcome.REJECTED:
                break
        node.wake()
        if node.sync.syncing:
            # The next batch is due when the rate allows it, not at the next message.
            node.wake_at(self._next_batch)

    def _check_stale(self, behind: int) -> None:
        """Too far behind with old data: 2.x starts over."""
        node = self._node
        limit = node.settings.stale_reset_epochs * node.genesis.rules.epoch_length
        has_data = node.chain.head.block.height > node.genesis.rules.genesis_height
        if limit and behind > limit and has_data and node.settings.version == "2.x" and not node.config.archive:
            node.on_stale()
