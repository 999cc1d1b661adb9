"""The pages of this checkout, and the anchors that their headings make."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Of the directories that begin with a dot, those that are not made by programs.
_OURS = (".ci", ".config")
_CODE = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


def files(*suffixes: str) -> Iterator[Path]:
    """The files of the checkout whose names end so, without links and without what is not ours."""
    for directory, below, names in os.walk(ROOT):
        below[:] = sorted(name for name in below if _is_ours(name))
        found = (Path(directory, name) for name in sorted(names) if name.endswith(suffixes))
        yield from (path for path in found if not path.is_symlink())


def _is_ours(directory: str) -> bool:
    made = directory == "__pycache__" or directory.endswith(".egg-info")
    return directory in _OURS or not (made or directory.startswith("."))


def without_code(text: str) -> str:
    """``text`` without its blocks of code, in which nothing is a link or a heading."""
    return _CODE.sub("", text)


def anchors(text: str) -> set[str]:
    """What ``#...`` may name on a page, as GitHub makes it of the headings; of two equal ones the second has ``-1``."""
    found: set[str] = set()
    for heading in _HEADING.findall(without_code(text)):
        shown = _LINK.sub(r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        found.add(next(name for name in _numbered(slug) if name not in found))
    return found


def _numbered(slug: str) -> Iterator[str]:
    yield slug
    count = 0
    while True:
        count += 1
        yield f"{slug}-{count}"
