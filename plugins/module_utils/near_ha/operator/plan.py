"""Who could take over, and what stands against it. The holder of the lease and everybody who asks judge by this."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..records.cluster import MemberStatus


@dataclass(frozen=True)
class Obstacle:
    """One reason against a target, a clause for people; ``forceable`` when it risks time and never safety."""

    text: str
    forceable: bool = False


def against(target: MemberStatus, validator_public_key: str, lease_ms: int) -> tuple[Obstacle, ...]:
    """Everything against ``target`` as the next validator of a holder with this key and lease, worst first."""
    record, name = target.record, target.name
    if not target.alive:
        return (Obstacle(f"{name} is not there: its Consul session has ended"),)
    if record is None:
        return (Obstacle(f"the member record of {name} cannot be read, or no member has signed it"),)
    found = []
    if record.validator_public_key != validator_public_key:
        theirs = record.validator_public_key or "none"
        found.append(Obstacle(f"{name} has another validator key ({theirs}, not {validator_public_key})"))
    if record.lease_ms != lease_ms:
        text = f"{name} runs with a lease of {record.lease_ms / 1000:g} s, the validator with {lease_ms / 1000:g} s"
        found.append(Obstacle(text))
    if not record.ready:
        found.append(Obstacle(f"{name} is not ready: {record.reason or record.state}", forceable=True))
    return tuple(found)


def stops(obstacles: Iterable[Obstacle], force: bool) -> str:
    """What is left of ``obstacles`` under ``force``, as one clause; "" when nothing is."""
    return "; ".join(obstacle.text for obstacle in obstacles if not (force and obstacle.forceable))


def best(standbys: Iterable[MemberStatus], validator_public_key: str, lease_ms: int) -> MemberStatus | None:
    """The ready standby that a ``demote`` hands over to: of the highest priority, then by member id; None if none is.

    A priority of 0 never takes over by itself, and a ``demote`` names nobody.
    """
    able = [s for s in standbys if s.record and s.record.priority and not against(s, validator_public_key, lease_ms)]
    return min(able, key=lambda s: rank(s.record.priority if s.record else 0, s.member_id), default=None)


def rank(priority: int, member_id: str) -> tuple[int, str]:
    """Of those that are able the one with the least rank is the best."""
    return (-priority, member_id)
