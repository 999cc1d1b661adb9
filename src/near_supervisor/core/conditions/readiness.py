"""Could this node take over now, and what speaks against it: each reason has a name, the same for ever.

What blocks keeps it from standing for election. What makes it the last resort keeps everybody from handing over to it,
and it stands after all that are ready: a standby with a full disk is better than none. Everything else is shown and
complained about only. What is not known is no reason.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import Enum

from near_ha.keys import node_keys
from near_ha.records.states import State

from ..facts import key_lock, listing, other_locks, versions
from ..facts.model import Node
from ..facts.values import dataclass
from . import belief, config_mismatch, hot_takeover, reach, signing, starting

# neard 2.x asks for so many open files, and ends with status 1 if it may not have them.
MIN_NOFILE = 65_535
# Compaction of neard's database needs room for a copy of what it works on.
MIN_DISK_FREE_BYTES = 10 * 2**30
# With less, what neard writes fails, and it ends.
NO_ROOM_BYTES = 2**20
# So long Linux's TCP keeps a connection on which nothing is answered (tcp_retries2), and as long neard refuses a second
# one with the same account key.
REFUSED_FOR = "up to 15 minutes"


class Weight(Enum):
    """With a reason that is so, this node: does not stand; is not ready, and stands last; is ready all the same."""

    BLOCKS = "blocks"
    LAST = "last"
    NOTED = "noted"


@dataclass(frozen=True)
class Reason:
    """``name`` is for metrics and records, ``text`` a clause for people."""

    name: str
    text: str
    weight: Weight

    @property
    def blocks(self) -> bool:
        """Does it keep this node from standing?"""
        return self.weight is Weight.BLOCKS


def unready(node: Node) -> str:
    """Why nobody should hand over to this node now; "" when it is ready to take over."""
    return _first(node, _BLOCKING) or _first(node, _LAST)


def barred(node: Node) -> str:
    """Why this node could not take over now, if there was nobody else; "" when it could."""
    return _first(node, _BLOCKING)


def _first(node: Node, checks: tuple[Check, ...]) -> str:
    for check in checks:
        if text := check(node):
            return text
    return ""


def reasons(node: Node) -> tuple[Reason, ...]:
    """Everything that speaks against a take-over of this node, in the order of the table.

    A validator has taken over: of it this says what would be against its next start.
    """
    return tuple([Reason(name, text, weight) for name, check, weight in _asked(node) if (text := check(node))])


def names(node: Node) -> tuple[str, ...]:
    """The names of the same."""
    return tuple([name for name, check, _weight in _asked(node) if check(node)])


def is_equal(named: Collection[str]) -> bool:
    """Would a takeover of the node with these reasons be no worse than any other?"""
    return UNEQUAL.isdisjoint(named)


def _asked(node: Node) -> tuple[Row, ...]:
    return CHECKS[1:] if node.state is State.VALIDATING else CHECKS


def _state(node: Node) -> str:
    if node.state is State.VOTING:
        return ""
    missing = starting.missing_in(node)
    return f"is {node.state.value}" + (f", waits for {missing}" if missing else "")


def _sync(node: Node) -> str:
    return "" if node.sync.synced else node.sync.reason


def _peers(node: Node) -> str:
    peers, wanted = node.sync.peers, node.settings.min_peers
    if peers is None or peers >= wanted:
        return ""
    text = f"neard has {peers} peers, fewer than {wanted}, its consensus.min_num_peers"
    if peers or _twins(node):
        return text
    # Seen on a real one that came back after half a minute: none for 37 s.
    return (
        f"{text}; if this host went without a goodbye, or another neard runs with its node key, they refuse it until"
        " they give the other connections up"
    )


def _twins(node: Node) -> tuple[str, ...]:
    return node_keys.twins(node.settings.node_public_key, node.cluster.members)


def _node_key(node: Node) -> str:
    twins = _twins(node)
    if not twins:
        return ""
    return node_keys.warning(node.settings.node_public_key, (node.settings.node_id, *twins))


def _key(node: Node) -> str:
    return node.host.key or ""


def _key_fingerprint(node: Node) -> str:
    seen = node.candidate.watch.seen if node.candidate.watch else None
    return config_mismatch.other_key(seen, node.settings, bool(node.last_term), node.chain.listing)


def _record(node: Node) -> str:
    return belief.claims(node)


def _chain_key(node: Node) -> str:
    return listing.other_key(node.chain.listing, node.settings)


def _not_listed(node: Node) -> str:
    return listing.not_listed(node.chain.listing, node.settings)


def _key_lock(node: Node) -> str:
    return key_lock.against(node.candidate.key_lock, node.settings)


def _other_lock(node: Node) -> str:
    return (
        other_locks.against(node.cluster.other_locks, node.settings, is_first=not node.last_term)
        if node.cluster.other_locks
        else ""
    )


def _stands_by(node: Node) -> bool:
    return node.neard is not None and node.neard.answered and not node.neard.armed


def _restart(node: Node) -> str:
    against = hot_takeover.against_as_it_runs(node) if _stands_by(node) else ""
    if not against:
        return ""
    if not hot_takeover.against(node):
        return (
            f"a takeover would start neard anew, with the node key that the hosts share ({against}); after a host was"
            f" lost in silence, the peers refuse that for {REFUSED_FOR}, and neard has to be started a second time"
        )
    return (
        f"a takeover would start neard anew ({against}); after a host was lost in silence, the peers refuse"
        f" such a neard for {REFUSED_FOR}"
    )


def _tracking(node: Node) -> str:
    account, kept = node.settings.validator_account_id, node.settings.keeps_shards_of
    if kept == account or not _stands_by(node):
        return ""
    wanted = f'{{"ShadowValidator": "{account}"}}'
    return f"neard keeps no state-transition data for {account}, so that its first chunks may fail: set" + (
        f' "tracked_shards_config": {wanted} in its config.json'
    )


def _block_time(node: Node) -> str:
    """Less than a fifth is within what loaded validators do."""
    pace, configured = node.chain.pace_ms, node.settings.block_time_ms
    if pace is None or 4 * configured <= 5 * pace <= 6 * configured:
        return ""
    return (
        f"the chain takes {pace} ms for a height, and consensus.min_block_production_delay of neard's config.json says"
        f" {configured} ms: set it to what the network's configuration has"
        + (", unless the chain is slow at the moment" if pace > configured else "")
    )


def _disk(node: Node) -> str:
    free = node.host.disk_free_bytes
    if free is None or free >= MIN_DISK_FREE_BYTES or free < NO_ROOM_BYTES:
        return ""
    return f"{free / 2**30:.1f} GiB are free for neard's data, fewer than {MIN_DISK_FREE_BYTES >> 30}"


def _disk_full(node: Node) -> str:
    free = node.host.disk_free_bytes
    return "no room is left for neard's data, so that neard ends" if free is not None and free < NO_ROOM_BYTES else ""


def _limits(node: Node) -> str:
    limit = node.host.nofile
    if limit is None or limit >= MIN_NOFILE:
        return ""
    return f"neard may open {limit} files and needs {MIN_NOFILE}: set LimitNOFILE of the guard's service"


def _lease(node: Node) -> str:
    return config_mismatch.other_lease(node.candidate.watch.seen if node.candidate.watch else None, node.settings)


def _version(node: Node) -> str:
    """The validator is the member whose session holds the lease; without a recent read of it nothing is known."""
    session = node.candidate.watch.seen.session if node.candidate.watch else None
    if session is None:
        return ""
    for member in node.cluster.members:
        record = member.record
        if member.session != session or record is None:
            continue
        mine = node.neard.version if node.neard else ""
        if versions.older(mine, record.neard_version):
            return f"neard {mine} is older than {record.neard_version} of {member.name}, which validates"
        mine = node.settings.version
        if versions.older(mine, record.version):
            return f"near-supervisor {mine} is older than {record.version} of {member.name}, which validates"
    return ""


def _preflight(node: Node) -> str:
    return node.host.preflight or ""


def _run_dir(node: Node) -> str:
    return node.run_dir.problem


def _doppelganger(node: Node) -> str:
    """It holds the lease, and waits; or it signs, and so does somebody else."""
    leadership = node.leadership
    if leadership is None:
        return ""
    if node.doppelganger and node.doppelganger.mark:
        return f"somebody else signs with this key: {node.doppelganger.mark.text()}"
    seen = node.signing.approvals
    if seen is None or seen.term != leadership.term or not seen.twice:
        return ""
    return f"somebody else signs with this key: the chain has another block {seen.twice} of it than its own neard"


def _signing(node: Node) -> str:
    """Of a validator: it holds the lease, and nothing of it arrives."""
    if node.state is not State.VALIDATING or node.leadership is None:
        return ""
    answer, reason = signing.answer(node)
    return f"it holds the lease and signs nothing: {reason}" if answer is signing.Signs.NO else ""


Check = Callable[[Node], str]
Row = tuple[str, Check, Weight]

CHECKS: tuple[Row, ...] = (
    ("state", _state, Weight.BLOCKS),
    ("sync", _sync, Weight.BLOCKS),
    ("peers", _peers, Weight.NOTED),
    (node_keys.REASON, _node_key, Weight.NOTED),
    ("key", _key, Weight.BLOCKS),
    ("key_fingerprint", _key_fingerprint, Weight.BLOCKS),
    ("chain_key", _chain_key, Weight.BLOCKS),
    ("not_listed", _not_listed, Weight.NOTED),
    ("key_lock", _key_lock, Weight.BLOCKS),
    ("other_lock", _other_lock, Weight.BLOCKS),
    ("restart", _restart, Weight.NOTED),
    ("tracking", _tracking, Weight.NOTED),
    ("block_time", _block_time, Weight.NOTED),
    ("disk", _disk, Weight.NOTED),
    ("disk_full", _disk_full, Weight.LAST),
    ("limits", _limits, Weight.NOTED),
    ("lease", _lease, Weight.NOTED),
    ("record", _record, Weight.NOTED),
    ("version", _version, Weight.NOTED),
    ("preflight", _preflight, Weight.LAST),
    ("run_dir", _run_dir, Weight.LAST),
    ("doppelganger", _doppelganger, Weight.NOTED),
    ("signing", _signing, Weight.NOTED),
)
# The last one is of who looks at this very node (``reach``).
NAMES = (*(name for name, _check, _weight in CHECKS), reach.NAME)
_BLOCKING = tuple(check for _name, check, weight in CHECKS if weight is Weight.BLOCKS)
_LAST = tuple(check for _name, check, weight in CHECKS if weight is Weight.LAST)
# What is told of others by Consul: while that does not answer, it is from before.
FROM_CONSUL = frozenset(
    {node_keys.REASON, "key_fingerprint", "key_lock", "other_lock", "lease", "record", "version"},
)
# What makes a takeover of this node a worse one than that of a standby without it.
UNEQUAL = frozenset(
    {"peers", "restart", "tracking", *(name for name, _check, weight in CHECKS if weight is Weight.LAST)}
)
