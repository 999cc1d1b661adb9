"""Who validated, since when, why: the JSON value of the key ``history``, the last hundred changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import Enum

from ..errors import BadRecord
from . import wire

KEEP = 100
_MAX_BYTES = 200 * 1024
# Consul refuses values above 512 KiB: a hundred entries of this size stay far below.
_MAX_REASON = 300
MAX_WORDS = 500
_FRAME = '{"changes": [%s]}'


class Kind(str, Enum):
    """``FAILOVER``: the predecessor went silent. ``RELEASE``: it gave up by itself. ``SWITCHOVER``: somebody asked."""

    FAILOVER = "failover"
    RELEASE = "release"
    SWITCHOVER = "switchover"


@dataclass(frozen=True)
class Change:
    """One change of validator, written by the new one when it signs.

    ``gap_ms``: from the last moment at which the predecessor may have signed, as far as the new one saw it, until the
    new one signed; None where there was none. ``at_ms`` is wall clock. ``request`` is the id of the switchover, or "".
    ``proof`` is what the chain took of the new one in its first minute, of each kind ("" = not known yet).
    ``last_words`` is what its neard said last, where that ended by itself ("" = it did not, or said nothing).
    """

    term: int
    node_id: str
    kind: Kind
    at_ms: int
    predecessor: str = ""
    gap_ms: int | None = None
    reason: str = ""
    request: str = ""
    proof: str = ""
    last_words: str = ""


def parse(raw: bytes) -> tuple[Change, ...]:
    """The changes stored as ``raw``, oldest first; BadRecord when they are none.

    An entry that cannot be read is left out: one bad entry does not cost the others.
    """
    document = wire.fields(raw, "history", _MAX_BYTES).document
    entries = document.get("changes")
    if not isinstance(entries, list):
        raise BadRecord("history has no list of changes")
    return tuple(change for entry in entries[-KEEP:] if (change := _change(entry)) is not None)


def to_json(changes: Sequence[Change]) -> str:
    """The value as it is stored: the newest changes, as many as ``parse`` reads again."""
    texts: list[str] = []
    room = _MAX_BYTES - len(_FRAME % "")
    for change in reversed(changes[-KEEP:]):
        short = replace(
            change,
            reason=change.reason[:_MAX_REASON],
            proof=change.proof[:_MAX_REASON],
            last_words=change.last_words[:MAX_WORDS],
        )
        texts.insert(0, json.dumps({**asdict(short), "kind": change.kind.value}))
        room -= len(texts[0]) + len(", ")
        if room < 0:
            del texts[0]
            break
    return _FRAME % ", ".join(texts)


def added(changes: Sequence[Change], change: Change) -> tuple[Change, ...]:
    """With one more; each term is there once, so that writing it again changes nothing.

    One that comes late, because Consul could not be written, comes before those of later terms that were quicker.
    """
    if any(known.term == change.term for known in changes):
        return tuple(changes)
    at = len(changes)
    while at and changes[at - 1].term > change.term and changes[at - 1].at_ms > change.at_ms:
        at -= 1
    return (*changes[:at], change, *changes[at:])[-KEEP:]


def proven(changes: Sequence[Change], term: int, proof: str) -> tuple[Change, ...]:
    """With ``proof`` in the entry of ``term``, if there is one."""
    return tuple(replace(known, proof=proof) if known.term == term else known for known in changes)


def ended(changes: Sequence[Change], term: int, last_words: str) -> tuple[Change, ...]:
    """With ``last_words`` in the entry of ``term``, if there is one."""
    return tuple(replace(known, last_words=last_words) if known.term == term else known for known in changes)


def _change(entry: object) -> Change | None:
    if not isinstance(entry, dict):
        return None
    fields = wire.Fields("history", entry)
    try:
        return Change(
            term=fields.count("term"),
            node_id=fields.text("node_id", None),
            kind=Kind(fields.text("kind", None)),
            at_ms=fields.count("at_ms"),
            predecessor=fields.text("predecessor"),
            gap_ms=fields.optional_count("gap_ms"),
            reason=fields.text("reason")[:_MAX_REASON],
            request=fields.text("request"),
            proof=fields.text("proof")[:_MAX_REASON],
            last_words=fields.text("last_words")[:MAX_WORDS],
        )
    except (BadRecord, ValueError):
        return None
