"""What a node says of itself: the JSON value of its key below ``members/``, locked with its session."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from ..errors import BadRecord
from . import wire

# A node of this priority stands at once when the lease is free; a lower one a little later; 0 never by itself.
DEFAULT_PRIORITY = 100
MAX_PRIORITY = 100
_MAX_REASON = 500


@dataclass(frozen=True)
class Member:
    """``instance`` is one installation (it stays over restarts); ``reason`` says why it is not ``ready``.

    ``priority`` is its failover priority; ``version`` that of its supervisor, ``neard_version`` that of its neard
    ("" = not known). ``reasons`` are the names of all that speaks against a takeover, also of what does not keep it
    from being ``ready`` (docs/reference/readiness.md). ``confirms`` is the id of the open request for a switchover that
    it has seen and is there to carry out ("" = none; None = its version does not say). ``node_public_key`` is the
    public half of its neard's own node key ("" = its version does not say). ``considers`` is the id of the request that
    it asks its hook ``pre_takeover`` about, ``vetoes`` of the one that this has refused, and ``veto`` is why, a clause
    for people.
    """

    node_id: str
    hostname: str
    instance: str
    state: str
    ready: bool
    reason: str
    height: int
    lease_ms: int
    validator_public_key: str
    priority: int = DEFAULT_PRIORITY
    version: str = ""
    neard_version: str = ""
    reasons: tuple[str, ...] = ()
    confirms: str | None = None
    node_public_key: str = ""
    considers: str = ""
    vetoes: str = ""
    veto: str = ""

    def to_json(self) -> str:
        """The value as it is stored: a reason without end would make it one that nobody can read."""
        return json.dumps({**asdict(self), "reason": self.reason[:_MAX_REASON], "veto": self.veto[:_MAX_REASON]})


def instance_of(raw: bytes) -> str:
    """The ``instance`` that a record names, also one that cannot be read otherwise; "" when it names none."""
    try:
        return wire.fields(raw, "member record").text("instance")
    except BadRecord:
        return ""


def parse(raw: bytes) -> Member:
    """The record stored as ``raw``; BadRecord when it is none, whatever the bytes are."""
    fields = wire.fields(raw, "member record")
    return Member(
        node_id=fields.text("node_id", None),
        hostname=fields.text("hostname"),
        instance=fields.text("instance"),
        state=fields.text("state"),
        ready=fields.flag("ready"),
        reason=fields.text("reason"),
        height=fields.count("height"),
        lease_ms=fields.count("lease_ms", wire.MAX_LEASE_MS),
        validator_public_key=fields.text("validator_public_key"),
        priority=fields.count("priority", MAX_PRIORITY, DEFAULT_PRIORITY),
        version=fields.text("version"),
        neard_version=fields.text("neard_version"),
        reasons=fields.names("reasons"),
        confirms=None if fields.document.get("confirms") is None else fields.text("confirms"),
        node_public_key=fields.text("node_public_key"),
        considers=fields.text("considers"),
        vetoes=fields.text("vetoes"),
        veto=fields.text("veto"),
    )
