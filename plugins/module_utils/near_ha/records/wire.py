"""What every value in Consul is checked for before it is believed: size, shape, types, ranges."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from ..errors import BadRecord

MAX_BYTES = 16 * 1024
# Larger than any count of ours, and still exact in every JSON reader.
MAX_COUNT = 2**53
MAX_LEASE_MS = 3_600_000
MAX_TEXT = 4_000
# More than there are. Versions that read 20 take a longer list for a member that is not ready: with so many it is not.
MAX_NAMES = 40
MAX_NAME = 40
_MAX_SHOWN = 100
_NAME = re.compile(f"[a-z0-9_]{{1,{MAX_NAME}}}")


@dataclass(frozen=True)
class Entry:
    """One key as Consul's store has it: ``index`` is its ModifyIndex, ``session`` locks it (None = nobody's does)."""

    key: str
    value: bytes
    index: int
    session: str | None = None


@dataclass(frozen=True)
class Fields:
    """A JSON object whose fields are read with their type; each reader raises BadRecord, naming field and value.

    ``what`` is what the object is, for people: "member record".
    """

    what: str
    document: dict[str, Any]

    def text(self, name: str, default: str | None = "") -> str:
        """A string of at most MAX_TEXT characters; ``default`` where the field is missing (None = it may not be).

        What is no text (half of a surrogate pair, which JSON can hold) comes as "?": it could be written nowhere.
        """
        value = self.document.get(name, default)
        if not isinstance(value, str) or len(value) > MAX_TEXT:
            raise self._bad(name, value, f"a string of at most {MAX_TEXT} characters")
        return value.encode("utf-8", "replace").decode()

    def count(self, name: str, limit: int = MAX_COUNT, default: int | None = None) -> int:
        """A whole number from 0 to ``limit``; ``default`` where the field is missing (None = it may not be)."""
        value = self.document.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= limit:
            raise self._bad(name, value, f"a number from 0 to {limit}")
        return value

    def optional_count(self, name: str, limit: int = MAX_COUNT) -> int | None:
        """As ``count``; None where the field is missing or null."""
        return None if self.document.get(name) is None else self.count(name, limit)

    def flag(self, name: str, default: bool | None = None) -> bool:
        """True or false; ``default`` where the field is missing (None = it may not be)."""
        value = self.document.get(name, default)
        if not isinstance(value, bool):
            raise self._bad(name, value, "true or false")
        return value

    def names(self, name: str) -> tuple[str, ...]:
        """A list of at most MAX_NAMES names of letters a to z, digits and ``_``; none where the field is missing."""
        value = self.document.get(name, [])
        if not isinstance(value, list) or len(value) > MAX_NAMES or not all(map(_is_name, value)):
            raise self._bad(name, value, f"a list of at most {MAX_NAMES} names of at most {MAX_NAME} letters")
        return tuple(value)

    def _bad(self, name: str, value: object, wanted: str) -> BadRecord:
        return BadRecord(f"{self.what} has {name} = {shown(value)}, which is not {wanted}")


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def fields(raw: bytes, what: str, limit: int = MAX_BYTES) -> Fields:
    """The JSON object stored as ``raw``; BadRecord when it is none, whatever the bytes are."""
    if len(raw) > limit:
        raise BadRecord(f"{what} of {len(raw)} bytes is larger than {limit}")
    try:
        document = json.loads(raw)
    except ValueError:
        raise BadRecord(f"{what} is not JSON") from None
    except RecursionError:
        raise BadRecord(f"{what} is nested too deeply") from None
    if not isinstance(document, dict):
        raise BadRecord(f"{what} is not a JSON object")
    return Fields(what, document)


def count(value: object) -> int | None:
    """A whole number from outside that may be a count or a height; None when it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_COUNT else None


def shown(value: object) -> str:
    """A value from outside, short enough for a message."""
    try:
        text = repr(value)
    except RecursionError:
        return "something nested too deeply"
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
