"""A cluster as a JSON document: what ``GET /cluster`` answers and near_failover_info returns."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from . import plan
from .cluster import Cluster, Standing


def document(cluster: Cluster) -> dict[str, Any]:
    """Heights as the chain counts them, durations and wall clock in milliseconds."""
    request = cluster.request
    return {
        "account_id": cluster.account_id,
        "leader": _leader(cluster),
        "members": [_member(cluster, member) for member in cluster.members],
        "paused": asdict(cluster.config),
        "request": None
        if request is None
        else {**asdict(request), "action": request.action.value, "phase": request.phase.value, "open": request.open},
        "history": [{**asdict(change), "kind": change.kind.value} for change in cluster.changes],
        "problems": list(cluster.problems),
    }


def _leader(cluster: Cluster) -> dict[str, Any] | None:
    """None where nobody holds the lease."""
    if cluster.lease_session is None:
        return None
    validator, lease = cluster.validator, cluster.lease
    return {
        "member_id": validator.member_id if validator else "",
        "node_id": cluster.holder,
        "hostname": lease.hostname if lease else "",
        "term": cluster.term,
        "height": lease.height if lease else 0,
        "lease_ms": lease.lease_ms if lease else 0,
        "validator_public_key": lease.validator_public_key if lease else "",
    }


def _member(cluster: Cluster, member: Standing) -> dict[str, Any]:
    record, lease = member.record, cluster.lease
    validates = cluster.validator is member
    key = lease.validator_public_key if lease else record.validator_public_key if record else ""
    lease_ms = lease.lease_ms if lease else record.lease_ms if record else 0
    against = [] if validates else [obstacle.text for obstacle in plan.against(member, key, lease_ms)]
    return {
        "member_id": member.member_id,
        "alive": member.alive,
        "validates": validates,
        "against": against,
        **(asdict(record) if record else {}),
    }
