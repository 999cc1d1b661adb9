"""Fills the tables of ``docs/explanation/rules.md``: rule, function, test, break.

``.venv/bin/python tools/rule_table.py`` writes what is between the marks from ``core/rules/table.py``,
``tools/rules_in_words.py`` and ``tests/breaks``. A unit test compares the page with it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "simulation")]

import break_places  # noqa: E402 - the breaks are found by the line above
from break_places import Place  # noqa: E402
from breaks.catalogue import BREAKS  # noqa: E402
from breaks.mutants import MUTANTS  # noqa: E402
from breaks.one_break import Break  # noqa: E402
from marks import filled  # noqa: E402
from near_supervisor.core.rules.table import RULES  # noqa: E402
from rules_in_words import IN_WORDS  # noqa: E402

PAGE = ROOT / "docs" / "explanation" / "rules.md"
UNIT = ROOT / "tests" / "unit" / "near_supervisor"
GUARD = "src/near_guard/"
SIMULATION = "(simulation)"


def main() -> None:
    """Write the tables."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def page(text: str) -> str:
    """``text`` with all of its tables as they should be."""
    for name, rows in tables().items():
        text = filled(text, name, "\n".join(rows))
    return text


def tables() -> Mapping[str, list[str]]:
    """Each table by its mark."""
    above = _attributed()
    rest = [one for one in BREAKS if one not in above]
    return {
        "rules": ["| rule | function | test | break |", "|---|---|---|---|", *(_rule_row(key) for key in places())],
        "guard": _break_table(one for one in rest if one.file.startswith(GUARD)),
        "elsewhere": _break_table(one for one in rest if not one.file.startswith(GUARD)),
        "schedules": [
            "| rule | function |",
            "|---|---|",
            *(f"| {one.rule} | {_where(one)} |" for one in _only_played()),
        ],
    }


def places() -> dict[str, Place]:
    """The rules in the order in which they are asked, as ``file.function``, with where each is written."""
    found = [break_places.rule_place(rule) for rule, _about in RULES]
    return {f"{path.stem}.{name}": (path, name) for path, name in found}


@cache
def breaks_of(key: str) -> list[Break]:
    """The deliberate breaks of one rule: those that tests notice, then those that only the simulation has to find."""
    return break_places.of_rule(places()[key], (*BREAKS, *MUTANTS))


def test_file(test: str) -> Path:
    """The file that has this test; ValueError unless it is one."""
    found = [path for path in sorted(UNIT.glob("test_*.py")) if f"\ndef {test}(" in path.read_text(encoding="utf-8")]
    if len(found) != 1:
        raise ValueError(
            f"{test} of tools/rules_in_words.py is in {len(found)} files of {UNIT}: name one that is there"
        )
    return found[0]


def _attributed() -> set[Break]:
    return {one for key in places() for one in breaks_of(key)}


def _only_played() -> Iterator[Break]:
    """What the simulation has to find, and no row above has by the same name."""
    named = {one.rule for one in (*BREAKS, *_attributed())}
    return (one for one in MUTANTS if one.rule not in named)


def _rule_row(key: str) -> str:
    path, name = places()[key]
    says, test = IN_WORDS[key]
    named = dict.fromkeys(one.rule for one in breaks_of(key))
    known = {one.rule for one in BREAKS}
    broken = [rule if rule in known else f"{rule} {SIMULATION}" for rule in named]
    return (
        f"| {says} | `{_short(path)}` `{name}` | `{test_file(test).name}::{test}` | {'<br>'.join(broken) or 'none'} |"
    )


def _break_table(breaks: Iterable[Break]) -> list[str]:
    ordered = sorted(breaks, key=lambda one: one.file)
    return [
        "| rule | function | test |",
        "|---|---|---|",
        *(f"| {one.rule} | {_where(one)} | {_tests(one)} |" for one in ordered),
    ]


def _where(one: Break) -> str:
    name = break_places.function_of(one)
    return f"`{_short(ROOT / one.file)}`" + (f" `{name}`" if name else "")


def _tests(one: Break) -> str:
    files = dict.fromkeys(word.partition("::")[0] for word in one.tests.split() if word.startswith("tests/"))
    return ", ".join(f"`{file.removeprefix('tests/')}`" for file in files)


def _short(path: Path) -> str:
    """A path as the pages write it: without what all of them begin with."""
    name = str(path.relative_to(ROOT))
    for begin in ("src/near_supervisor/", "src/", "plugins/module_utils/", "tests/simulation/"):
        name = name.removeprefix(begin)
    return name


if __name__ == "__main__":
    main()
