"""A request to change who validates: the JSON value of the key ``switchover``, one at a time.

Whoever asks writes it in phase ``asked``. The holder of the lease checks the target and moves it to ``accepted``
before it stops signing; whoever validates afterwards moves it to ``done`` or ``failed``. Each move is a check-and-set
at the index that was read, so that of two that move it one succeeds. A request in a final phase may be replaced.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from enum import Enum
from typing import TypeVar

from ..errors import BadRecord
from . import wire

DEFAULT_TIMEOUT_MS = 60_000
MAX_TIMEOUT_MS = 3_600_000

E = TypeVar("E", bound=Enum)


class Action(str, Enum):
    """``PROMOTE`` names a target; ``DEMOTE`` leaves it to the holder which standby takes over."""

    PROMOTE = "promote"
    DEMOTE = "demote"


class Phase(str, Enum):
    """How far a request has come."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    DONE = "done"
    FAILED = "failed"


FINAL = (Phase.DONE, Phase.FAILED)


@dataclass(frozen=True)
class Switchover:
    """One request.

    ``id`` is unique. ``target`` is a member id; of a ``demote`` it is "" until the holder has chosen one. ``term`` is
    the leader's term when it was asked (0 = nobody led), and from ``accepted`` on the term that is given up; ``source``
    is the member that gives it up ("" before). ``force`` lets an unready target and a paused cluster pass.
    ``now``: it is not waited for heights without duties, which else takes half of the first phase at the most; ``note``
    is what the holder said of that last. ``ignore_doppelganger``: the target signs although the chain shows somebody
    else who does. ``timeout_ms`` bounds each phase. ``asked_at_ms`` and ``moved_at_ms`` are wall
    clock, for people only.
    ``outcome`` says how it ended, ``gap_ms`` how long nobody signed, as the new validator saw it (None = not known).
    """

    id: str
    action: Action
    target: str
    asked_by: str
    reason: str
    asked_at_ms: int
    term: int = 0
    timeout_ms: int = DEFAULT_TIMEOUT_MS
    force: bool = False
    now: bool = False
    ignore_doppelganger: bool = False
    phase: Phase = Phase.ASKED
    source: str = ""
    moved_by: str = ""
    moved_at_ms: int = 0
    outcome: str = ""
    gap_ms: int | None = None
    note: str = ""

    @property
    def open(self) -> bool:
        """It has not ended yet."""
        return self.phase not in FINAL

    def to_json(self) -> str:
        """The value as it is stored."""
        return json.dumps({**asdict(self), "action": self.action.value, "phase": self.phase.value})

    def accepted(self, source: str, term: int, target: str, at_ms: int, note: str = "") -> Switchover:
        """The same request, taken on by ``source``, which gives up ``term`` for ``target``."""
        moved = replace(self, phase=Phase.ACCEPTED, source=source, term=term, target=target, note=note)
        return replace(moved, moved_by=source, moved_at_ms=at_ms)

    def ended(self, phase: Phase, by: str, at_ms: int, outcome: str, gap_ms: int | None = None) -> Switchover:
        """The same request at its end."""
        return replace(self, phase=phase, moved_by=by, moved_at_ms=at_ms, outcome=outcome[:500], gap_ms=gap_ms)


def parse(raw: bytes) -> Switchover:
    """The request stored as ``raw``; BadRecord when it is none, whatever the bytes are."""
    fields = wire.fields(raw, "switchover request")
    action, phase = _one_of(Action, fields, "action"), _one_of(Phase, fields, "phase")
    request_id, target = fields.text("id", None), fields.text("target")
    if not request_id or (action is Action.PROMOTE and not target):
        raise BadRecord(f"switchover request has no {'target' if request_id else 'id'}")
    return Switchover(
        id=request_id,
        action=action,
        target=target,
        asked_by=fields.text("asked_by"),
        reason=fields.text("reason"),
        asked_at_ms=fields.count("asked_at_ms"),
        term=fields.count("term", default=0),
        timeout_ms=fields.count("timeout_ms", MAX_TIMEOUT_MS, DEFAULT_TIMEOUT_MS),
        force=fields.flag("force", default=False),
        now=fields.flag("now", default=False),
        ignore_doppelganger=fields.flag("ignore_doppelganger", default=False),
        phase=phase,
        source=fields.text("source"),
        moved_by=fields.text("moved_by"),
        moved_at_ms=fields.count("moved_at_ms", default=0),
        outcome=fields.text("outcome"),
        gap_ms=fields.optional_count("gap_ms"),
        note=fields.text("note"),
    )


def _one_of(kind: type[E], fields: wire.Fields, name: str) -> E:
    word = fields.text(name, None)
    try:
        return kind(word)
    except ValueError:
        raise BadRecord(f"{fields.what} has {name} = {wire.shown(word)}") from None
