"""JSON as neard reads it since 1.32: ``//``, ``#`` and ``/* */`` comments are allowed."""

from __future__ import annotations

import json
import re
from collections import Counter

# A string literal is matched first, so that a comment mark inside one is left alone. One that is never closed
# goes up to the end: looking for its end again from each of its quotes would take time by the square.
_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"?|//[^\n]*|#[^\n]*|/\*.*?\*/', re.DOTALL)


def _blank(match: re.Match[str]) -> str:
    """A comment becomes blanks of the same shape: error positions stay those of the file."""
    token = match.group()
    return token if token.startswith('"') else re.sub(r"[^\n]", " ", token)


def loads(text: str) -> object:
    """The value of ``text``; ValueError (mostly json.JSONDecodeError) says where it is malformed."""
    return _decoded(text, None)


def loads_once(text: str) -> tuple[object, frozenset[str]]:
    """The value of ``text``, and which names its outermost object has more than once: the last one counts."""
    value = _decoded(text, _Object)
    return value, value.twice if isinstance(value, _Object) else frozenset()


class _Object(dict[str, object]):
    """An object that knows which of its names came twice."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        times = Counter(name for name, _value in pairs)
        self.twice = frozenset(name for name, many in times.items() if many > 1)


def _decoded(text: str, made: type[_Object] | None) -> object:
    try:
        value: object = json.loads(_TOKEN.sub(_blank, text), object_pairs_hook=made, parse_constant=_no_number)
    except RecursionError:
        raise json.JSONDecodeError("nested too deeply", text, 0) from None
    return value


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is no number of JSON")


def has_comments(text: str) -> bool:
    """Whether ``text`` holds a comment, which is lost when its value is written again."""
    return any(not token.startswith('"') for token in _TOKEN.findall(text))
