"""What the core is told once, at start."""

from __future__ import annotations

from enum import Enum

from .values import dataclass


class Strategy(Enum):
    """How a standby gets the key: ``HOT`` while it runs, ``RESTART`` by a new start; ``AUTO``: hot where it can be.

    ``KUUTAMOD``: while it runs, after it was started anew with the node key and address that the hosts share.
    """

    AUTO = "auto"
    KUUTAMOD = "kuutamod"
    HOT = "hot"
    RESTART = "restart"


@dataclass(frozen=True)
class Settings:
    """Options that decisions depend on. All durations in milliseconds.

    ``member_id`` is unique in the cluster, ``node_id`` is what people call the node: they differ only
    where kuutamod's default id ``node`` is used for several nodes. ``block_time_ms`` is the chain's
    shortest time between two blocks (``consensus.min_block_production_delay`` of neard's config), ``skip_ms`` the
    shortest after which it gives a height up (``consensus.max_block_production_delay``). ``priority`` is the
    failover priority: 0 = never by itself, 100 = at once, between them the later the lower. ``validator_account_id`` is
    the account of the validator key; ``keeps_shards_of`` the account whose shards neard follows (``*`` = all shards).
    ``min_peers`` are so many that neard wants before it works, ``version`` is that of this program ("" = not known).
    ``other_locks`` are names of leases in the same Consul that are known to be other validators'.
    ``node_public_key`` is the public half of this host's own node key ("" = not known). ``pre_takeover``: there is a
    hook to ask before this node takes over as somebody planned.
    """

    node_id: str
    member_id: str
    hostname: str
    account_id: str
    validator_public_key: str
    lease_ms: int
    block_time_ms: int
    skip_ms: int = 1_800
    poll_ms: int = 1_000
    startup_timeout_ms: int = 120_000
    startup_limit_ms: int = 21_600_000
    stop_timeout_ms: int = 60_000
    start_attempts: int = 3
    height_patience_ms: int = 60_000
    chain_may_stand_still: bool = False
    priority: int = 100
    strategy: Strategy = Strategy.AUTO
    validator_account_id: str = ""
    keeps_shards_of: str = ""
    min_peers: int = 0
    version: str = ""
    other_locks: tuple[str, ...] = ()
    node_public_key: str = ""
    pre_takeover: bool = False
