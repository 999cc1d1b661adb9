"""Every link of every page leads to something, and so does every page that code, roles or tests name."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

from support.pages import ROOT, anchors, files, without_code

LINK = re.compile(r"\]\(([^)\s]+)\)")
ELSEWHERE = re.compile(r"[a-z]+:", re.IGNORECASE)
NAMED = re.compile(r"(?<![\w/.-])docs/[\w/.-]*\w\.(?:md|json)\b")
SOURCES = (".py", ".yml", ".yaml", ".toml", ".md", ".j2", ".service")
# Not there on purpose: left in a copy of the checkout, to see that it does not get into the archive.
LEFT_BEHIND = "docs/notes.md"
PAGES = list(files(".md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_something(page: Path) -> None:
    wrong = [target for target in LINK.findall(_text(page)) if not _leads_somewhere(page, target)]
    assert not wrong, f"{page.relative_to(ROOT)} has links to nothing: {wrong}"


def test_every_page_that_a_file_names_is_there() -> None:
    scripts = [path for path in (ROOT / "bin").iterdir() if path.is_file()]
    named = {(path, name) for path in (*files(*SOURCES), *scripts) for name in NAMED.findall(path.read_text())}
    assert len(named) > len(PAGES)
    wrong = {f"{path.relative_to(ROOT)}: {name}" for path, name in named if not (ROOT / name).is_file()}
    assert {text for text in wrong if not text.endswith(f": {LEFT_BEHIND}")} == set()


def test_anchors_are_those_of_github() -> None:
    text = "# A `b`, c's *d*\n\n## A b\n\n## A b\n\n```sh\n# no heading\n```\n\n## [one](two.md): three_four-five\n"
    assert anchors(text) == {"a-b-cs-d", "a-b", "a-b-1", "one-three_four-five"}


def test_every_page_of_the_documentation_is_in_its_index() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / target.partition("#")[0]).resolve() for target in LINK.findall(_text(index))}
    missing = {page for page in PAGES if index.parent in page.parents} - {index} - linked
    assert not missing, f"docs/README.md has no sentence about {sorted(str(page) for page in missing)}"


def _leads_somewhere(page: Path, target: str) -> bool:
    """Whether a link on ``page`` does; of the web nothing is asked."""
    if ELSEWHERE.match(target):
        return True
    name, _hash, anchor = unquote(target).partition("#")
    there = (page.parent / name).resolve() if name else page
    if not anchor:
        return there.exists()
    return there.suffix == ".md" and there.is_file() and anchor in _anchors(there)


@cache
def _anchors(page: Path) -> set[str]:
    return anchors(page.read_text())


def _text(page: Path) -> str:
    return without_code(page.read_text())
