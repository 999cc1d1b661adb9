"""A cluster as one JSON document: the same for the control socket, the modules and the shell."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from ..keys import node_keys
from ..records.cluster import Cluster, MemberStatus
from ..records.history import Change
from ..records.lease_record import LeaseState
from ..records.member_record import Member
from ..records.switchover import Switchover


def cluster_json(cluster: Cluster) -> dict[str, Any]:
    """All that is known. Times in milliseconds, ``at_ms`` by the wall clock of who wrote it; null = not known.

    ``members`` are also those that start and are none yet (``starting``): they are never ready.
    ``leader`` is who validates, or validated until it fell silent: then it is not ``alive``. It is null after a clean
    release and where nobody ever led; ``lease`` is the last record all the same. ``history`` begins with the oldest.
    """
    shared = node_keys.shared(cluster.members)
    twins = frozenset(shared)
    return {
        "account_id": cluster.account_id,
        "leader": _leader(cluster),
        "lease": _lease(cluster),
        "members": _members(cluster, twins),
        "paused": asdict(cluster.config),
        "request": None if cluster.request is None else request_json(cluster.request),
        "history": [change_json(change) for change in cluster.changes],
        "warnings": [*(node_keys.warning(key, names) for key, names in shared.items()), *_same_ids(cluster)],
        "problems": list(cluster.problems),
    }


def request_json(request: Switchover) -> dict[str, Any]:
    """A request as plain values, and whether it is ``open``."""
    return {**asdict(request), "action": request.action.value, "phase": request.phase.value, "open": request.open}


def change_json(change: Change) -> dict[str, Any]:
    """A change of validator as plain values."""
    return {**asdict(change), "kind": change.kind.value}


def _leader(cluster: Cluster) -> dict[str, Any] | None:
    record, held = cluster.lease, cluster.lease_session is not None
    if not cluster.lease_index or (not held and (record is None or record.state is not LeaseState.VALIDATING)):
        return None
    validator = cluster.validator
    return {
        "node_id": cluster.holder,
        "member_id": validator.member_id if validator else None,
        "hostname": record.hostname if record else None,
        "term": record.term if record else None,
        "lease_ms": record.lease_ms if record else None,
        "height": record.height if record else None,
        # A stranger's record has none.
        "state": record.state.value if record else None,
        "alive": held,
        "signs_nothing": held and _signs_nothing(validator),
    }


def _signs_nothing(validator: MemberStatus | None) -> bool:
    """Does it say of itself that nothing of it arrives? (Reason ``signing`` of its readiness.)"""
    return validator is not None and validator.record is not None and "signing" in validator.record.reasons


def _lease(cluster: Cluster) -> dict[str, Any] | None:
    if cluster.lease is None:
        return None
    return {**asdict(cluster.lease), "state": cluster.lease.state.value}


def _members(cluster: Cluster, twins: frozenset[str]) -> list[dict[str, Any]]:
    """One that starts stands in the place of its record from before; of two with one id the first is shown."""
    known = {member.member_id: _member(member, cluster, twins) for member in cluster.members}
    for one in reversed(cluster.starting):
        if not _is_taken(one, cluster):
            known[one.member_id] = {**_member(one, cluster, twins), "ready": False, "starting": True}
    return [known[member_id] for member_id in sorted(known)]


def _is_taken(one: MemberStatus, cluster: Cluster) -> bool:
    """Is its id another one's, or does it hold the lease as it starts?"""
    member = next((member for member in cluster.members if member.member_id == one.member_id), None)
    if member is None or not member.alive:
        return False
    return member == cluster.validator or _instance(member) != _instance(one)


def _instance(member: MemberStatus) -> str:
    return member.record.instance if member.record else ""


def _same_ids(cluster: Cluster) -> list[str]:
    """A node that starts under an id that another one has waits, and nobody else would see that."""
    holders: dict[str, dict[str, MemberStatus]] = {}
    for one in (*(member for member in cluster.members if member.alive), *cluster.starting):
        holders.setdefault(one.member_id, {})[_instance(one)] = one
    return [_same_id(name, [*those.values()]) for name, those in holders.items() if len(those) > 1]


def _same_id(name: str, those: list[MemberStatus]) -> str:
    hosts = [f"{one.record.hostname} ({one.record.state})" if one.record else "a host not known" for one in those]
    return (
        f"{len(those)} nodes have the id {name}, on {' and '.join(hosts)}, so that only the first is a member: give"
        " each an id of its own (--node-id), or stop the other one"
    )


def _member(member: MemberStatus, cluster: Cluster, twins: frozenset[str]) -> dict[str, Any]:
    """One that is gone is not ready, whatever it said last; a validator need not be.

    Who has one of the node keys ``twins`` need not know it: a validator seldom looks at the others.
    """
    record, validator = member.record, cluster.validator
    said = dict.fromkeys(field.name for field in fields(Member)) if record is None else asdict(record)
    validates = validator is not None and validator.member_id == member.member_id
    if not member.alive:
        reason = "its Consul session has ended"
    elif record is None:
        reason = "its record cannot be read"
    else:
        reason = "" if validates else record.reason
    return {
        "member_id": member.member_id,
        **said,
        "node_id": member.name,
        "alive": member.alive,
        "starting": False,
        "validator": validates,
        "ready": record is not None and record.ready and member.alive,
        "reason": reason,
        "reasons": _reasons(record, twins) if record is not None and member.alive else [],
    }


def _reasons(record: Member, twins: frozenset[str]) -> list[str]:
    known = node_keys.REASON in record.reasons or record.node_public_key not in twins
    return [*record.reasons] if known else [*record.reasons, node_keys.REASON]
