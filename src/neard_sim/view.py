"""What a node shows of itself: ``/status``, ``/network_info`` and the answers about blocks and validators.

All functions build plain JSON values from the node's state, in the field set of the version it plays.
"""

from __future__ import annotations

from typing import Any

from . import clock
from .accounts import AccountData
from .block import Block, show_hash, show_signature
from .chain import Entry
from .config import show_address
from .genesis import PROTOCOL_VERSION
from .node import RunningNode
from .sync import Status
from .validators import Counters, Validator
from .versions import version_object

_SHARD = 0


def epoch_id(node: RunningNode, epoch: int) -> str:
    """The id of an epoch: the simulation derives it from genesis and number."""
    return show_hash(f"{epoch:064x}") if epoch else show_hash(node.genesis.first_block.hash)


def status(node: RunningNode, *, detailed: bool = False) -> dict[str, Any]:
    """The answer to ``/status``."""
    version = node.settings.version
    head = node.chain.head
    account = None if node.validator is None else node.validator.account_id
    key = None if node.validator is None else node.validator.public_key
    validators: list[dict[str, Any]] = [{"account_id": seat.account_id} for seat in head.epoch.validators]
    if version != "2.x":
        validators = [item | {"is_slashed": False} for item in validators]
    shown: dict[str, Any] = {
        "version": version_object(version),
        "chain_id": node.genesis.chain_id,
        "protocol_version": node.genesis.protocol_version,
        "latest_protocol_version": PROTOCOL_VERSION,
        "rpc_addr": node.config.rpc_addr,
        "validators": validators,
        "sync_info": _sync_info(node),
        "validator_account_id": account,
        "uptime_sec": (clock.wall_ns() - node.started_ns) // clock.NS_PER_S,
    }
    if version != "1.27":
        shown |= {"node_key": key, "validator_public_key": key, "node_public_key": node.identity.peer_id}
    if version == "2.x":
        shown["genesis_hash"] = show_hash(node.genesis.first_block.hash)
    if detailed:
        shown["detailed_debug_status"] = _debug_status(node)
    return shown


def _sync_info(node: RunningNode) -> dict[str, Any]:
    head, earliest = node.chain.head, node.chain.earliest()
    return {
        "latest_block_hash": show_hash(head.block.hash),
        "latest_block_height": head.block.height,
        "latest_state_root": show_hash(head.block.hash[::-1]),
        "latest_block_time": clock.rfc3339(_told_ns(node, head.block)),
        "syncing": node.sync.syncing,
        "earliest_block_hash": show_hash(earliest.block.hash),
        "earliest_block_height": earliest.block.height,
        "earliest_block_time": clock.rfc3339(earliest.block.timestamp_ns),
        "epoch_id": epoch_id(node, head.epoch.index),
        "epoch_start_height": node.chain.rules.start_of(head.epoch.index),
    }


def _told_ns(node: RunningNode, item: Block) -> int:
    """The time that a block says of itself: that of its optimistic block.

    Its producer makes that as soon as the height is the next one (nearcore's client_actor.rs): upon the block before,
    so that a block is a block time old when it comes, or when the heights between have been given up.
    """
    parent = node.chain.get(item.prev_hash)
    if parent is None or parent.block.height != item.height - 1:
        return item.timestamp_ns
    return max(parent.block.timestamp_ns + 1, item.timestamp_ns - node.config.min_delay)


def _debug_status(node: RunningNode) -> dict[str, Any]:
    return {
        "network_info": {
            "num_connected_peers": len(node.peers.links),
            "connected_peers": network_info(node)["active_peers"],
            "tier1_accounts_keys": [seat.public_key for seat in node.chain.head.epoch.validators],
            "tier1_accounts_data": [_account_data(item) for item in node.advertiser.shown()],
            "tier1_connections": [
                {"peer_id": info.peer_id, "addr": show_address(info.host, info.port)}
                for info in node.peers.validators()
            ],
        },
        "sync_status": node.sync.status.name,
        "catchup_status": [],
        "current_head_status": {
            "height": node.chain.head.block.height,
            "hash": show_hash(node.chain.head.block.hash),
        },
    }


def _account_data(item: AccountData) -> dict[str, Any]:
    return {
        "peer_id": item.peer_id,
        "account_key": item.account_key,
        "proxies": [{"addr": addr, "peer_id": peer_id} for peer_id, addr in item.proxies],
        "timestamp": clock.rfc3339(item.timestamp_ns),
    }


def network_info(node: RunningNode) -> dict[str, Any]:
    """The answer to ``/network_info``."""
    infos = [link.info for link in node.peers.links.values() if link.info is not None]
    peers = [
        {
            "id": info.peer_id.removeprefix("ed25519:"),
            "addr": show_address(info.host, info.port),
            "account_id": info.account,
        }
        for info in infos
    ]
    seconds = max(1, (clock.wall_ns() - node.started_ns) // clock.NS_PER_S)
    return {
        "active_peers": peers,
        "num_active_peers": len(peers),
        "peer_max_count": 40,
        "sent_bytes_per_sec": sum(link.sent_bytes for link in node.peers.links.values()) // seconds,
        "received_bytes_per_sec": sum(link.received_bytes for link in node.peers.links.values()) // seconds,
        "known_producers": [
            {"account_id": info.account, "addr": show_address(info.host, info.port), "peer_id": info.peer_id}
            for info in infos
            if info.account is not None
        ],
    }


def validators(node: RunningNode, entry: Entry) -> dict[str, Any]:
    """The answer to ``validators``: the counters as of ``entry``."""
    epoch = entry.epoch
    return {
        "current_validators": [
            _validator(seat, entry.counters.get(seat.account_id, Counters())) for seat in epoch.validators
        ],
        "next_validators": [_seat(seat) | {"shards": [_SHARD]} for seat in epoch.next_validators],
        "current_fishermen": [],
        "next_fishermen": [],
        "current_proposals": [],
        "prev_epoch_kickout": [{"account_id": name, "reason": reason} for name, reason in epoch.kickouts],
        "epoch_start_height": node.chain.rules.start_of(epoch.index),
        "epoch_height": epoch.index + 1,
    }


def _validator(seat: Validator, done: Counters) -> dict[str, Any]:
    return _seat(seat) | {
        "is_slashed": False,
        "shards": [_SHARD],
        "shards_produced": [_SHARD],
        "shards_endorsed": [_SHARD],
        "num_produced_blocks": done.blocks,
        "num_expected_blocks": done.blocks_expected,
        "num_produced_chunks": done.chunks,
        "num_expected_chunks": done.chunks_expected,
        "num_produced_chunks_per_shard": [done.chunks],
        "num_expected_chunks_per_shard": [done.chunks_expected],
        "num_produced_endorsements": done.endorsements,
        "num_expected_endorsements": done.endorsements_expected,
        "num_produced_endorsements_per_shard": [done.endorsements],
        "num_expected_endorsements_per_shard": [done.endorsements_expected],
    }


def _seat(seat: Validator) -> dict[str, Any]:
    return {"account_id": seat.account_id, "public_key": seat.public_key, "stake": str(seat.stake)}


def validators_ordered(entry: Entry) -> list[dict[str, Any]]:
    """The answer to ``EXPERIMENTAL_validators_ordered``: the order of approvals."""
    return [_seat(seat) | {"validator_stake_struct_version": "V1"} for seat in entry.epoch.validators]


def block(node: RunningNode, entry: Entry) -> dict[str, Any]:
    """The answer to ``block``."""
    item, told_ns = entry.block, _told_ns(node, entry.block)
    bits = [1 if signature is not None else 0 for signature in item.endorsements]
    return {
        "author": item.author,
        "header": {
            "height": item.height,
            "hash": show_hash(item.hash),
            "prev_hash": show_hash(item.prev_hash),
            "epoch_id": epoch_id(node, entry.epoch.index),
            "next_epoch_id": epoch_id(node, entry.epoch.index + 1),
            "timestamp": told_ns,
            "timestamp_nanosec": str(told_ns),
            "approvals": [None if sign is None else show_signature(sign) for sign in item.approvals],
            "signature": show_signature(item.signature) if item.signature else "ed25519:" + "1" * 64,
            "chunk_mask": [item.chunk is not None],
            "chunks_included": int(item.chunk is not None),
            "chunk_endorsements": [bits],
            "last_final_height": entry.final_height,
            "latest_protocol_version": PROTOCOL_VERSION,
            "validator_proposals": [],
        },
        "chunks": []
        if item.chunk is None
        else [{"chunk_hash": show_hash(item.chunk), "shard_id": _SHARD, "height_included": item.height}],
    }


def maintenance_windows(node: RunningNode, account: str) -> list[dict[str, int]]:
    """Ranges from the head to the end of the epoch, end exclusive, where ``account`` makes no block or chunk."""
    head = node.chain.head
    end = node.chain.rules.start_of(head.epoch.index + 1)
    windows: list[dict[str, int]] = []
    for height in range(head.block.height, end):
        owed = (head.epoch.producer(height).account_id, head.epoch.chunk_producer(height).account_id)
        if account in owed:
            continue
        if windows and windows[-1]["end"] == height:
            windows[-1]["end"] = height + 1
        else:
            windows.append({"start": height, "end": height + 1})
    return windows


def stats(node: RunningNode) -> str:
    """The text of the summary line."""
    head = node.chain.head
    peers = len(node.peers.links)
    if node.sync.status is Status.AWAITING_PEERS:
        state = "Waiting for peers"
    elif node.sync.syncing:
        best = max(node.peer_heights(), default=head.block.height)
        left = best - head.block.height
        percent = 100 * head.block.height / max(1, best)
        what = "headers" if node.sync.status is Status.HEADER_SYNC else "blocks"
        state = f"#{head.block.height:>9} Downloading {what} {percent:.2f}% ({left} left; at {head.block.height})"
    else:
        state = f"#{head.block.height:>9} {show_hash(head.block.hash)}"
    role = "Validator | " if node.validator is not None and head.epoch.find(node.validator.account_id) else ""
    return f"{state} {role}{len(head.epoch.validators)} validators {peers} peers ⬇ 0 B/s ⬆ 0 B/s 0.00 bps 0 gas/s"
