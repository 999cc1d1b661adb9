"""The tables of the documentation, in Markdown, from what a benchmark has written with `--json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from near_localnet.problem import Problem
from near_measure.stats import HIGH, MEDIAN, nearest_rank
from near_measure.table import markdown

FAILOVER = ("event", "measured", "bound", "n", "p50", "p95", "max", "met")
FAILOVER_NUMBERS = (2, 3, 4, 5, 6)
IDLE = ("lease", "role", "measured", "bound", "value", "met")
IDLE_NUMBERS = (0, 3, 4)
CHAOS = ("struck by", "n", "p50", "p95", "max", "at most", "beyond it", "while busy")
CHAOS_NUMBERS = (1, 2, 3, 4, 5, 6, 7)
CASES = ("scenario", "event", "n", "p50", "p95", "max", "at most", "blocks missed", "kept")
CASES_NUMBERS = (2, 3, 4, 5, 6, 7)
KINDS = ("failover", "idle", "chaos", "containers")
HINT = "Make one: bin/bench failover --json FILE"
MET = {True: "yes", False: "**no**", None: ""}


def read(file: Path) -> dict[str, Any]:
    """The document in `file`. Raises Problem when it is none of ours."""
    try:
        if file.suffix == ".jsonl":
            cases = [json.loads(line) for line in file.read_text().splitlines()]
            document = {"benchmark": "containers" if all(map(_is_case, cases)) else "", "cases": cases}
        else:
            document = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise Problem(f"{file} cannot be read: {error}.", HINT) from None
    if not isinstance(document, dict) or document.get("benchmark") not in KINDS:
        raise Problem(f"{file} is not what a benchmark has written.", HINT)
    return document


def text(document: dict[str, Any]) -> str:
    """Its table, and what was found beside it."""
    if document["benchmark"] == "idle":
        lines = [_finding(finding) for finding in document["findings"]]
        return markdown(IDLE, lines, IDLE_NUMBERS)
    if document["benchmark"] == "containers":
        return _containers(document)
    if document["benchmark"] == "chaos":
        return _chaos(document)
    lines = [_measure(row, number) for row in document["rows"] for number in range(len(row["measures"]))]
    notes = [f"- *{row['event']}*: {row['note']}." for row in document["rows"] if row["note"]]
    found = (
        f"{document['double_signatures']} double signatures and {document['overlaps']} times two holders of one key"
        f" in {document['signatures']} signatures; all runs took {document['took_s'] / 60:.0f} minutes."
    )
    return "\n".join([markdown(FAILOVER, lines, FAILOVER_NUMBERS), "", f"Referee: {found}", "", *notes])


def _is_case(case: object) -> bool:
    return isinstance(case, dict) and {"event", "silence_s", "bound_s", "busy_s", "missed_blocks"} <= case.keys()


def _chaos(document: dict[str, Any]) -> str:
    """A line for each fault that struck alone, and one for all that struck two at a time."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for struck in document["struck"]:
        name = struck["faults"][0] if len(struck["faults"]) == 1 else "two at a time"
        kinds.setdefault(name, []).append(struck)
    lines = [_kind(name, struck, set(document["late"])) for name, struck in sorted(kinds.items())]
    faults = sum(len(struck["faults"]) for struck in document["struck"])
    found = [
        f"{len(document['struck'])} strikes, {faults} faults in {document['minutes']:g} minutes,",
        f"seed {document['seed']}:",
        f"{document['double_signatures']} double signatures and {document['overlaps']} times two holders of one key",
        f"in {document['signatures']} signatures; a daemon grew by {document['growth_mb']:g} MB",
        f"and {document['growth_descriptors']} descriptors at the most.",
    ]
    return "\n".join([markdown(CHAOS, lines, CHAOS_NUMBERS), "", " ".join(found)])


def _containers(document: dict[str, Any]) -> str:
    """A line for each event, in the order in which they were played first."""
    events: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for case in document["cases"]:
        events.setdefault((case["scenario"].removeprefix("failover-"), case["event"]), []).append(case)
    return markdown(CASES, [_event(*key, cases) for key, cases in events.items()], CASES_NUMBERS)


def _event(scenario: str, event: str, cases: list[dict[str, Any]]) -> list[str]:
    silences = [case["silence_s"] for case in cases]
    figures = (nearest_rank(silences, MEDIAN), nearest_rank(silences, HIGH), max(silences))
    busy = [case for case in cases if case["silence_s"] > case["bound_s"]]
    kept = all(case["silence_s"] <= case["bound_s"] + case["busy_s"] for case in cases)
    word = "**no**" if not kept else f"yes ({len(busy)} while busy)" if busy else "yes"
    missed = max(case["missed_blocks"] for case in cases)
    return [scenario, event, str(len(cases)), *map(_s, figures), _s(cases[-1]["bound_s"]), str(missed), word]


def _kind(name: str, struck: list[dict[str, Any]], late: set[int]) -> list[str]:
    silences = [one["silence_s"] for one in struck]
    beyond = [one for one in struck if one["silence_s"] > one["bound_s"]]
    really = sum(one["number"] in late for one in beyond)
    figures = (nearest_rank(silences, MEDIAN), nearest_rank(silences, HIGH), max(silences))
    bounds = sorted({one["bound_s"] for one in struck})
    at_most = _s(bounds[0]) if len(bounds) == 1 else f"{_s(bounds[0])} to {_s(bounds[-1])}"
    return [name, str(len(struck)), *map(_s, figures), at_most, str(really), str(len(beyond) - really)]


def _measure(row: dict[str, Any], number: int) -> list[str]:
    found = row["measures"][number]
    failed = f" ({row['failed']} failed)" if row["failed"] else ""
    rule = f"{found['rule']} = " if found["rule"] else ""
    bound = "" if found["bound_s"] is None else f"{rule}{_s(found['bound_s'])}" if found["bound_s"] else "0"
    counted = found.get("unit") == ""
    numbers = [f"{found[name]:g}" if counted and found["n"] else _s(found[name]) for name in ("p50", "p95", "max")]
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
