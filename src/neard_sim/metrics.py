"""``/metrics``: the series of neard that a supervisor reads.

Heights, peers and sync state are current at each scrape. What neard refreshes once per summary period
(``near_is_validator``, on-chain counters of all validators) is refreshed only then here, too.
"""

from __future__ import annotations

import resource
from dataclasses import dataclass, field

from . import clock, versions
from .genesis import PROTOCOL_VERSION
from .node import RunningNode
from .validators import Counters


@dataclass
class Periodic:
    """What is refreshed only once per ``log_summary_period``, and not while syncing."""

    lines: list[str] = field(default_factory=list)
    is_validator: int = 0

    def refresh(self, node: RunningNode) -> None:
        """Take the values of this moment."""
        self.is_validator = 0
        if node.sync.syncing:
            return
        head = node.chain.head
        account = None if node.validator is None else node.validator.account_id
        self.is_validator = int(account is not None and head.epoch.find(account) is not None)
        self.lines = []
        for seat in head.epoch.validators:
            done = head.counters.get(seat.account_id, Counters())
            name = f'account_id="{seat.account_id}"'
            shard = f'{{{name},shard_id="0"}}'
            self.lines += [
                f"near_validators_blocks_produced{{{name}}} {done.blocks}",
                f"near_validators_blocks_expected{{{name}}} {done.blocks_expected}",
                f"near_validators_chunks_produced{{{name}}} {done.chunks}",
                f"near_validators_chunks_expected{{{name}}} {done.chunks_expected}",
                f"near_validators_chunk_endorsements_produced_by_shard{shard} {done.endorsements}",
                f"near_validators_chunk_endorsements_expected_by_shard{shard} {done.endorsements_expected}",
            ]


def render(node: RunningNode, periodic: Periodic) -> str:
    """The text of one scrape."""
    head = node.chain.head
    marks = node.store.marks
    duties = node.duties
    version = versions.version_object(node.settings.version)
    targets = node.votes.targets()
    own = duties.last_approval if duties is not None else None
    lines = _gauges(
        near_block_height_head=head.block.height,
        near_header_head_height=max([head.block.height, *node.peer_heights()])
        if node.sync.syncing
        else head.block.height,
        near_final_block_height=head.final_height,
        near_head_lag_seconds=f"{node.head_lag_s:.3f}",
        near_sync_status=node.sync.status.value,
        near_is_validator=periodic.is_validator,
        near_is_block_producer=periodic.is_validator,
        # It rises without a key, too.
        near_largest_target_height=max(marks.largest_target_height, node.target()),
        near_largest_approval_height=own.target if own is not None else 0,
        near_largest_threshold_height=max([head.block.height, *targets]),
        near_peer_connections_total=len(node.peers.links),
        near_peers_with_invalid_hash=0,
        near_config_correct=int(node.config_correct),
        near_boot_time_seconds=node.started_ns // clock.NS_PER_S,
        near_node_protocol_version=PROTOCOL_VERSION,
        near_current_protocol_version=node.genesis.protocol_version,
        near_epoch_height=head.epoch.index + 1,
        near_node_db_version=49,
        near_memory_usage_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    )
    lines += [f'near_peer_connections{{peer_type="Outbound",tier="T2"}} {len(node.peers.links)}']
    lines += [f'near_is_chunk_producer_for_shard{{shard_id="0"}} {periodic.is_validator}']
    for state in ("SyncNeeded", "AlreadyCaughtUp", "NoPeers"):
        lines.append(f'near_sync_requirements_current{{state="{state}"}} {int(node.sync.requirement == state)}')
    made = {"near_block_produced_total": node.produced.blocks, "near_chunk_produced_total": node.produced.chunks}
    lines += _counters(
        # neard has neither before its first one.
        **{name: count for name, count in made.items() if count},
        near_config_reloads_total=node.config_reloads,
        near_already_connected_account=node.peers.routes.refusals,
    )
    lines.append(
        f'near_build_info{{build="{version["build"]}",release="{version["version"]}",'
        f'rustc_version="{version["rustc_version"]}"}} 1'
    )
    return "\n".join(lines + periodic.lines) + "\n"


def _gauges(**values: object) -> list[str]:
    return [line for name, value in values.items() for line in (f"# TYPE {name} gauge", f"{name} {value}")]


def _counters(**values: object) -> list[str]:
    return [line for name, value in values.items() for line in (f"# TYPE {name} counter", f"{name} {value}")]
