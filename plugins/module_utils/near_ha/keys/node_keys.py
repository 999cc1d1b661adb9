"""Hosts whose neards have one node key: its peers take one of them at a time, and drop the other's connections.

Each host has its own, in either role. (kuutamod's way, one key for whoever validates, is another one: that is never
compared.)
"""

from __future__ import annotations

from collections.abc import Iterable

from ..records.cluster import MemberStatus

REASON = "node_key"
REMEDY = (
    "give each host a node key of its own (--voter-node-key; role neard makes one on each host that has none) and start"
    " its supervisor and its neard anew"
)


def twins(own: str, others: Iterable[MemberStatus]) -> tuple[str, ...]:
    """Those of ``others`` that are there and whose neard has the node key ``own``; none where that is not known."""
    return tuple([one.name for one in others if own and one.alive and one.record and one.record.node_public_key == own])


def shared(members: Iterable[MemberStatus]) -> dict[str, tuple[str, ...]]:
    """Each node key that more than one member that is there has, with their names."""
    found: dict[str, tuple[str, ...]] = {}
    for member in members:
        if member.alive and member.record and member.record.node_public_key:
            key = member.record.node_public_key
            found[key] = (*found.get(key, ()), member.name)
    return {key: names for key, names in found.items() if len(names) > 1}


def warning(key: str, names: tuple[str, ...]) -> str:
    """What people are told of it."""
    return f"the neards of {' and '.join(names)} have one node key ({key}), so that peers drop one of them: {REMEDY}"
