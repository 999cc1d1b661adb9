"""JSON as neard reads it since 1.32: ``//``, ``#`` and ``/* */`` comments are allowed."""

from __future__ import annotations

import json
import re

# A string literal is matched first, so that a comment mark inside one is left alone. One that is never closed
# goes up to the end: looking for its end again from each of its quotes would take time by the square.
_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"?|//[^\n]*|#[^\n]*|/\*.*?\*/', re.DOTALL)


def _blank(match: re.Match[str]) -> str:
    """A comment becomes blanks of the same shape: error positions stay those of the file."""
    token = match.group()
    return token if token.startswith('"') else re.sub(r"[^\n]", " ", token)


def loads(text: str) -> object:
    """The value of ``text``; json.JSONDecodeError (a ValueError) says where it is malformed."""
    try:
        value: object = json.loads(_TOKEN.sub(_blank, text))
    except RecursionError:
        raise json.JSONDecodeError("nested too deeply", text, 0) from None
    return value


def has_comments(text: str) -> bool:
    """Whether ``text`` holds a comment, which is lost when its value is written again."""
    return any(not token.startswith('"') for token in _TOKEN.findall(text))
