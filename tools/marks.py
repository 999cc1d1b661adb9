"""Parts of a page that a program writes: what stands between ``<!-- NAME -->`` and ``<!-- /NAME -->``."""

from __future__ import annotations


def filled(text: str, name: str, fresh: str) -> str:
    """``text`` with ``fresh`` between the two marks; ValueError where each of them is not there once, in this order."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(end) < text.index(begin):
        raise ValueError(f"needs one line {begin} and, below it, one line {end}; {name} goes between them.")
    before, _begin, rest = text.partition(begin)
    _old, _end, after = rest.partition(end)
    return f"{before}{begin}\n\n{fresh}\n\n{end}{after}"
