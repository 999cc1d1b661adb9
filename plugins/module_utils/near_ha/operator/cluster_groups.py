"""Which hosts of an inventory are a cluster's members, and to which group of its roles each of them belongs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

ACTIVE, STANDBY, UNREADY = "near_active", "near_standby", "near_unready"
GROUPS = (ACTIVE, STANDBY, UNREADY)


@dataclass(frozen=True)
class Host:
    """A host of the inventory. ``node_id`` is its name in Consul if the inventory gives it one, ``account_id`` too."""

    name: str
    address: str = ""
    node_id: str = ""
    account_id: str = ""


@dataclass(frozen=True)
class Place:
    """A host's group; ``reason`` says why it is not in a better one ("" = it is in the best, or ready)."""

    group: str
    reason: str = ""
    state: str = ""


@dataclass(frozen=True)
class Places:
    """``hosts`` by their names. ``warnings`` are sentences about members that are no host, or more than one."""

    hosts: Mapping[str, Place] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def places(document: Mapping[str, Any], hosts: Iterable[Host]) -> Places:
    """Every host that is a member of the cluster in ``document`` (``cluster_report``), or is meant to be one.

    Only who holds the lease, and has not fallen silent, is active. A host is meant to be a member if the inventory
    gives it the cluster's account.
    """
    account, here = str(document["account_id"]), tuple(hosts)
    ours = tuple(host for host in here if host.account_id in ("", account))
    found: dict[str, Place] = {}
    warnings = []
    for member in document["members"]:
        matching = _matching(member, ours)
        if len(matching) != 1:
            warnings.append(_unmatched(member, matching, account))
            continue
        found[matching[0].name] = _place(member)
    for host in here:
        if host.account_id == account and host.name not in found:
            found[host.name] = Place(UNREADY, f"it is no member of the cluster of account {account}")
    leader = document["leader"]
    if leader and leader["alive"] and not leader["member_id"]:
        warnings.append(
            f"{leader['node_id'] or 'somebody'} holds the lease of {account} and is no member of its cluster"
        )
    return Places(found, tuple(warnings))


def _place(member: Mapping[str, Any]) -> Place:
    state = str(member["state"] or "")
    if member["validator"] and member["alive"]:
        return Place(ACTIVE, "", state)
    if member["ready"]:
        return Place(STANDBY, "", state)
    return Place(UNREADY, str(member["reason"] or "it is not ready"), state)


def _matching(member: Mapping[str, Any], hosts: tuple[Host, ...]) -> tuple[Host, ...]:
    """By the best of three: the node id that the inventory gives it, its name in the inventory, the machine's name."""
    node_id, hostname = member["node_id"], member["hostname"]
    nameless = [host for host in hosts if not host.node_id]
    for matching in (
        [host for host in hosts if host.node_id == node_id],
        [host for host in nameless if host.name == node_id],
        [host for host in nameless if hostname and hostname in _called(host)],
    ):
        if matching:
            return tuple(matching)
    return ()


def _called(host: Host) -> set[str]:
    """Its names and their first labels; of an address that is only numbers there is no label."""
    names = {name for name in (host.name, host.address) if name}
    return names | {name.partition(".")[0] for name in names if not name.replace(".", "").isdecimal()}


def _unmatched(member: Mapping[str, Any], matching: tuple[Host, ...], account: str) -> str:
    who = f"member {member['node_id']} of {account}"
    if not matching:
        return f"{who} (host {member['hostname'] or 'not known'}) is no host of this inventory"
    return f"{who} could be {' or '.join(host.name for host in matching)}: give each its supervisor_node_id"
