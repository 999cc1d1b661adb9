"""Files and functions stay as short as CONTRIBUTING.md says; what does not is named here, with the reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.pages import ROOT, files

PROGRAM_LINES = 400
TEST_LINES = 500
FUNCTION_LINES = 60
# Each is one list from its first line to its last, and is read as one.
LONGER = {
    "src/near_supervisor/commandline/options.py:check": "one option after the other",
    "src/near_supervisor/io/exporter.py:collect": "one metric after the other",
    "src/near_supervisor/snapshot.py:status": "the document of GET /status",
}
SCRIPTS = [path for path in sorted((ROOT / "bin").iterdir()) if path.is_file()]
# The checkout finds itself below playbooks/collections.
SOURCES = [path for path in (*files(".py"), *SCRIPTS) if "collections" not in path.parts]


def test_no_file_is_longer_than_one_can_keep_in_mind() -> None:
    found = {_name(path): path.read_text().count("\n") for path in SOURCES}
    assert len(found) > 100
    too_long = {name: lines for name, lines in found.items() if lines > _most(name)}
    assert not too_long, f"split them by what they are about: {too_long}"


def test_no_function_is_longer_than_a_screen() -> None:
    found = {name: lines for path in SOURCES for name, lines in _functions(path) if lines > FUNCTION_LINES}
    too_long = {name: lines for name, lines in found.items() if name not in LONGER}
    assert not too_long, f"take out of them what has a name of its own: {too_long}"
    assert set(LONGER) == set(found), "what is short enough by now needs no exception"


@pytest.mark.parametrize("limit", [PROGRAM_LINES, TEST_LINES, FUNCTION_LINES])
def test_the_limits_are_those_of_contributing(limit: int) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    assert f" {limit} lines" in text


def _most(name: str) -> int:
    """Tests may be longer: they are read one by one."""
    return TEST_LINES if name.startswith("tests/") else PROGRAM_LINES


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    """Each function of a file with its lines, its first one and its docstring among them."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{_name(path)}:{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))
