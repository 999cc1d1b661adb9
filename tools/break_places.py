"""Where a deliberate break is: the function that it changes, and the rules of the core that need this function."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from breaks.one_break import Break

ROOT = Path(__file__).resolve().parent.parent
RULES = ROOT / "src" / "near_supervisor" / "core" / "rules"

# A file and the name of a function at its top level.
Place = tuple[Path, str]


def function_of(one: Break) -> str:
    """The function or method that ``one`` changes, as ``name`` or ``Class.name``; "" outside of any."""
    lines = _lines(one)
    for name, node in _functions(_tree(ROOT / one.file)):
        if node.lineno <= lines.stop - 1 and lines.start <= (node.end_lineno or 0):
            return name
    return ""


def of_rule(rule: Place, breaks: tuple[Break, ...]) -> list[Break]:
    """Those of ``breaks`` that change ``rule`` or what it calls in the rules' files."""
    there = _reached(rule)
    return [one for one in breaks if (ROOT / one.file, function_of(one)) in there]


def rule_place(rule: Callable[..., object]) -> Place:
    """Where the function ``rule`` is written."""
    return Path(str(sys.modules[rule.__module__].__file__)), rule.__name__


def _reached(begin: Place) -> set[Place]:
    """The functions that ``begin`` comes to, itself among them, without leaving the rules' files."""
    seen: set[Place] = set()
    todo = [begin]
    while todo:
        place = todo.pop()
        if place in seen:
            continue
        seen.add(place)
        todo += _used(place)
    return seen


def _used(place: Place) -> Iterator[Place]:
    """What the function there names: others of its file, and those of the rules' files that it imports."""
    path, name = place
    functions = dict(_functions(_tree(path)))
    siblings = _siblings(path)
    for node in ast.walk(functions[name]):
        if isinstance(node, ast.Name) and node.id in functions:
            yield path, node.id
        elif isinstance(node, ast.Name) and siblings.get(node.id, (path, ""))[1]:
            yield siblings[node.id]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            there = siblings.get(node.value.id, (path, ""))[0]
            if there != path and node.attr in dict(_functions(_tree(there))):
                yield there, node.attr


@cache
def _siblings(path: Path) -> dict[str, Place]:
    """What a rules' file imports of the others: a module by its name (function ""), or one function."""
    found: dict[str, Place] = {}
    for node in _tree(path).body:
        if not isinstance(node, ast.ImportFrom) or node.level != 1:
            continue
        for name in node.names:
            known = name.asname or name.name
            if node.module is None:
                found[known] = RULES / f"{name.name}.py", ""
            elif name.name in dict(_functions(_tree(RULES / f"{node.module}.py"))):
                found[known] = RULES / f"{node.module}.py", name.name
    return found


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from (
                (f"{node.name}.{inner.name}", inner) for inner in node.body if isinstance(inner, ast.FunctionDef)
            )


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8") if path.suffix == ".py" else "")


def _lines(one: Break) -> range:
    """The lines of what ``one`` replaces, without what is only space."""
    text = (ROOT / one.file).read_text(encoding="utf-8")
    if one.old not in text:
        raise SystemExit(f"{one.file} does not hold what the break {one.rule!r} replaces: {one.old}")
    begin = text.index(one.old) + len(one.old) - len(one.old.lstrip())
    first = text.count("\n", 0, begin) + 1
    return range(first, first + one.old.strip().count("\n") + 1)
