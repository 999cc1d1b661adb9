"""One running node: takes messages and time in, keeps chain, votes and sync state, sends what is due."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from . import clock, log
from .advertiser import Advertiser
from .block import Block
from .catchup import Catchup
from .chain import Chain, Entry, Outcome
from .config import NodeConfig, PeerAddress
from .doomslug import Delays, Doomslug
from .duties import Duties, Produced
from .genesis import Genesis
from .keys import Signer
from .link import Link, encode
from .peers import Identity, Peers
from .referee_log import RefereeLog
from .settings import Settings
from .signing import Desk
from .store import Store
from .sync import Status, Sync, SyncRules
from .votes import Approval, Chunk, Endorsement, Votes

_TICK_S = 0.1
_STATUS_TICKS = 10


class RunningNode:
    """The state of one node and its reactions. Owned by one event loop; nothing here blocks."""

    def __init__(  # noqa: PLR0917 - the parts a node is put together from
        self,
        config: NodeConfig,
        genesis: Genesis,
        identity: Identity,
        validator: Signer | None,
        settings: Settings,
        store: Store,
        referee: RefereeLog,
    ) -> None:
        self.config = config
        self.genesis = genesis
        self.identity = identity
        self.settings = settings
        self.store = store
        self.chain = _load_chain(genesis, settings, store)
        self.doomslug = Doomslug(Delays(config.min_delay, config.max_delay, config.max_wait))
        self.votes = Votes()
        self.sync = Sync(
            SyncRules(
                config.min_num_peers,
                config.skip_sync_wait,
                config.sync_check_period,
                config.sync_height_threshold,
                config.header_fetch_horizon,
            )
        )
        self._referee = referee
        self.advertiser = Advertiser(self)
        self.validator: Signer | None
        self.duties: Duties | None
        self.produced = Produced()
        self._runs = False
        self.take_key(validator)
        self.peers: Peers
        self.catchup: Catchup
        self.may_sign = True
        self.stalled = False
        self.config_correct = True
        self.config_reloads = 1
        self.head_lag_s = 0.0
        self.started_ns = clock.wall_ns()
        self.on_head: Callable[[Entry], None] = lambda _: None
        self.on_stale: Callable[[], None] = lambda: None
        self.on_trigger: Callable[[], None] = lambda: None
        """Called with each message that arrives, from peers or by HTTP."""
        self._loop: asyncio.AbstractEventLoop
        self._timer: asyncio.TimerHandle | None = None
        self._woken = False
        self._ticks = 0

    async def start(self) -> None:
        """Open the network; OSError if its address is taken. Returns when the node takes part."""
        self._loop = asyncio.get_running_loop()
        self.peers = Peers(
            self.identity, self.settings, self._greeting, self._message, self.wake,
            own_key=self.advertiser.key, holders=self.advertiser.holders,
        )  # fmt: skip
        # Before there is any peer to hear it: what a new peer then knows better is answered at once.
        self.advertiser.tick()
        self.catchup = Catchup(self)
        self.started_ns = clock.wall_ns()
        head = self.chain.head.block
        self.doomslug.set_tip(
            head.height, head.timestamp_ns, self.chain.head.final_height, max(head.timestamp_ns, self.started_ns)
        )
        if self.identity.port:
            await self.peers.listen(self._listen_host(), self.identity.port)
        for address in self.config.boot_nodes:
            self.peers.learn(address)
        for item in self.store.load_peers():
            self.peers.learn(PeerAddress(item["peer_id"], item["host"], item["port"]), item["name"])
        self._loop.call_later(_TICK_S, self._tick)
        self._runs = True
        self.wake()

    def take_key(self, signer: Signer | None) -> None:
        """From now on it signs with this key, as soon as there is something to sign; None: with none."""
        self.validator = signer
        desk = Desk(signer, self.store, self._referee) if signer is not None else None
        if desk is None:
            self.duties = None
        else:
            used_up = (self.chain.head.block.hash, self.doomslug.target(clock.wall_ns())) if self._runs else None
            self.duties = Duties(self.chain, self.votes, self.doomslug, desk, self.produced, used_up)
        self.advertiser.hold(None if signer is None else signer.public_key)

    def stall(self) -> None:
        """It lacks the state of the shards that it has to know now, and waits for it for ever."""
        log.warn("sync", "Downloading blocks 0.00%: no state for the shards of this validator")
        self.stalled = True

    def apply(self, settings: Settings) -> None:
        """Live knobs have changed."""
        self.settings = settings
        self.peers.apply(settings)
        self._send_status()
        self.wake()

    def wake(self) -> None:
        """Look for work once everything that has arrived by now is taken in."""
        if not self._woken:
            self._woken = True
            self._loop.call_soon(self._work)

    def wake_at(self, when_ns: int) -> None:
        """Look for work at ``when_ns``."""
        self._loop.call_later(max(0, when_ns - clock.wall_ns()) / clock.NS_PER_S, self.wake)

    def peer_heights(self) -> list[int]:
        """The highest block that each connected peer is known to have."""
        return [link.height for link in self.peers.links.values()]

    def target(self) -> int:
        """The height that an approval would be for now, whether or not this node has a key; 0 while it syncs."""
        return 0 if self.sync.syncing else self.doomslug.target(clock.wall_ns())

    def take_block(self, block: Block, *, requested: bool = False) -> Outcome:
        """Offer a block to the chain, then the orphans that waited for it; keep what is accepted."""
        outcome, reason = self.chain.offer(block, requested=requested)
        if outcome is Outcome.REJECTED:
            log.warn("client", f"{reason} height={block.height} author={block.author}")
        if outcome not in (Outcome.HEAD, Outcome.SIDE):
            return outcome
        entry = self.chain.get(block.hash)
        assert entry is not None  # noqa: S101 - just accepted
        self.store.append(entry)
        if outcome is Outcome.HEAD:
            self._new_head(entry)
        for orphan in self.chain.release_orphans():
            self.take_block(orphan, requested=True)
        return outcome

    def replace_chain(self, root: Entry) -> None:
        """Start again from a block with its state, taken over from a peer (state sync)."""
        self.chain.restart(root)
        self.store.append_root(root)
        self._new_head(root)

    def _new_head(self, entry: Entry) -> None:
        block = entry.block
        self.votes.forget_up_to(block.height)
        self.head_lag_s = max(0, clock.wall_ns() - block.timestamp_ns) / clock.NS_PER_S
        self.doomslug.set_tip(block.height, block.timestamp_ns, entry.final_height, block.timestamp_ns)
        self.on_head(entry)
        self.wake()

    def _work(self) -> None:
        self._woken = False
        if self.stalled:
            self.sync.status = Status.BLOCK_SYNC
            return
        now = clock.wall_ns()
        was_syncing = self.sync.syncing
        self.catchup.update(now)
        if was_syncing and not self.sync.syncing:
            log.info("sync", f"now in sync at height {self.chain.head.block.height}")
        if self.duties is not None and self.may_sign and not self.sync.syncing:
            self._do_duties(self.duties, now)
            self._set_timer(self.duties.waits_until)

    def _do_duties(self, duties: Duties, now: int) -> None:
        if duties.key_mismatch():
            self._refuse_key()
            return
        for item in duties.due(now):
            if isinstance(item, Approval):
                self.peers.broadcast(encode("a", item.to_wire()), to_validators=True)
            elif isinstance(item, Chunk):
                self.peers.broadcast(encode("c", item.to_wire()), to_validators=True)
            elif isinstance(item, Endorsement):
                self.peers.broadcast(encode("e", item.to_wire()), to_validators=True)
            else:
                self.peers.broadcast(encode("b", item.to_wire()))
                self.take_block(item)

    def _refuse_key(self) -> None:
        """The registered key is another one: abort as 2.12 does, or go on without signing as before."""
        assert self.validator is not None  # noqa: S101 - only called with a key
        if self.settings.key_mismatch_aborts and self.settings.version == "2.x":
            log.panic(
                f"validator key mismatch for {self.validator.account_id}. "
                "Update validator_key.json or rotate the key on-chain."
            )

    def _set_timer(self, waits_until: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        now = clock.wall_ns()
        times = [when for when in (self.doomslug.next_event(now), waits_until) if when > now]
        delay_ns = min(times, default=now) - now
        self._timer = self._loop.call_later(delay_ns / clock.NS_PER_S, self.wake)

    def _tick(self) -> None:
        self._loop.call_later(_TICK_S, self._tick)
        self._ticks += 1
        self.peers.tick()
        self.advertiser.tick()
        if self._ticks % _STATUS_TICKS == 0:
            self._send_status()
        self.wake()

    def _send_status(self) -> None:
        self.peers.broadcast(encode("head", *self._greeting()))

    def _greeting(self) -> list[Any]:
        head = self.chain.head.block
        return [head.height, head.hash, self.doomslug.base_ns]

    def _message(self, link: Link, kind: str, body: list[Any], line: bytes) -> None:
        self.on_trigger()
        if kind == "head":
            self._hear_head(link, *body)
        elif kind == "b":
            self._hear_block(link, Block.from_wire(body[0]), line)
        elif kind == "a":
            approval = Approval(*body[0])
            self._notice_skip(link, approval)
            self._pass_if(self.votes.add_approval(approval, self._epoch(approval.target)), line, link)
        elif kind == "c":
            chunk = Chunk(*body[0])
            self._pass_if(self.votes.add_chunk(chunk, self._epoch(chunk.height)), line, link)
        elif kind == "e":
            endorsement = Endorsement(*body[0])
            self._pass_if(self.votes.add_endorsement(endorsement, self._epoch(endorsement.height)), line, link)
        elif kind == "accounts":
            self.advertiser.hear(body[0])
        else:
            self.catchup.hear(link, kind, body)

    def _epoch(self, height: int) -> Any:
        head = self.chain.head
        return self.chain.epoch_for(max(height, head.block.height), head)

    def _pass_if(self, is_new: bool, line: bytes, link: Link) -> None:
        if is_new:
            self.peers.pass_on(line, link, to_validators=True)
            self.wake()

    def _hear_head(self, link: Link, height: int, hash_: str, base_ns: int) -> None:
        is_new_link = not link.greeted
        link.greeted = True
        link.height = max(link.height, height)
        if hash_ == self.chain.head.block.hash:
            self.doomslug.adopt_base(base_ns)
        elif height > self.chain.head.block.height:
            self.catchup.fetch_missing(link)
        if is_new_link:
            link.send_message("head", *self._greeting())
            self.advertiser.greet(link)
            self.store.save_peers(self.peers.addresses())
            vote = None if self.duties is None else self.duties.last_approval
            if vote is not None and self.peers.leads_to_validator(link):
                # It may have missed this vote, and needs it if it is the next producer.
                link.send_message("a", vote.to_wire())
        self.wake()

    def _notice_skip(self, link: Link, approval: Approval) -> None:
        """A vote to skip on top of a block that has not come here: it was lost, votes would never agree."""
        kind, _colon, parent_height = approval.parent.partition(":")
        if kind == "S" and int(parent_height) > self.chain.head.block.height:
            self.catchup.fetch_missing(link)

    def _hear_block(self, link: Link, block: Block, line: bytes) -> None:
        link.height = max(link.height, block.height)
        if self.stalled or self.catchup.withholds(block.height):
            return
        outcome = self.take_block(block)
        if outcome in (Outcome.HEAD, Outcome.SIDE):
            self.peers.pass_on(line, link)
        elif outcome is Outcome.ORPHAN:
            self.catchup.fetch_missing(link)
        self.wake()

    def _listen_host(self) -> str:
        return self.config.network_addr.rpartition(":")[0].strip("[]")


def _load_chain(genesis: Genesis, settings: Settings, store: Store) -> Chain:
    """The chain as stored, or just genesis."""
    root = Entry(genesis.first_block, genesis.first_epoch, {}, genesis.first_block.height)
    chain: Chain | None = None
    for item in store.load_entries():
        if isinstance(item, Entry):
            if chain is None or chain.offer(item.block, trusted=True)[0] is Outcome.ORPHAN:
                chain = Chain(genesis.rules, item, settings.history_blocks)
        elif chain is not None:
            chain.offer(item, trusted=True)
    if chain is not None:
        return chain
    store.append_root(root)
    return Chain(genesis.rules, root, settings.history_blocks)
