"""The tables of the documentation, in Markdown, from what a benchmark has written with `--json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from near_bench.table import markdown
from near_localnet.problem import Problem

FAILOVER = ("event", "measured", "bound", "n", "p50", "p95", "max", "met")
FAILOVER_NUMBERS = (2, 3, 4, 5, 6)
IDLE = ("lease", "role", "measured", "bound", "value", "met")
IDLE_NUMBERS = (0, 3, 4)
HINT = "Make one: bin/bench failover --json FILE"
MET = {True: "yes", False: "**no**", None: ""}


def read(file: Path) -> dict[str, Any]:
    """The document in `file`. Raises Problem when it is none of ours."""
    try:
        document = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise Problem(f"{file} cannot be read: {error}.", HINT) from None
    if not isinstance(document, dict) or document.get("benchmark") not in ("failover", "idle"):
        raise Problem(f"{file} is not what a benchmark has written.", HINT)
    return document


def text(document: dict[str, Any]) -> str:
    """Its table, and what was found beside it."""
    if document["benchmark"] == "idle":
        lines = [_finding(finding) for finding in document["findings"]]
        return markdown(IDLE, lines, IDLE_NUMBERS)
    lines = [_measure(row, number) for row in document["rows"] for number in range(len(row["measures"]))]
    notes = [f"- *{row['event']}*: {row['note']}." for row in document["rows"] if row["note"]]
    found = (
        f"{document['double_signatures']} double signatures and {document['overlaps']} times two holders of one key"
        f" in {document['signatures']} signatures; all runs took {document['took_s'] / 60:.0f} minutes."
    )
    return "\n".join([markdown(FAILOVER, lines, FAILOVER_NUMBERS), "", f"Referee: {found}", "", *notes])


def _measure(row: dict[str, Any], number: int) -> list[str]:
    found = row["measures"][number]
    failed = f" ({row['failed']} failed)" if row["failed"] else ""
    bound = "" if found["bound_s"] is None else f"{found['rule']} = {_s(found['bound_s'])}" if found["bound_s"] else "0"
    numbers = [_s(found[name]) for name in ("p50", "p95", "max")]
    return [
        "" if number else row["event"], found["text"], bound, f"{found['n']}{failed}", *numbers, MET[found["met"]]
    ]  # fmt: skip


def _s(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f} s" if value else "0"


def _finding(found: dict[str, Any]) -> list[str]:
    bound = "" if found["bound"] is None else f"{found['bound']:g} {found['unit']}"
    value = f"{found['value']:.2f} {found['unit']}"
    return [f"{found['lease_s']:g} s", found["role"], found["what"], bound, value, MET[found["met"]]]
