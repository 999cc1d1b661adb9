"""Draws the states of the supervisor in ``docs/explanation/failover-algorithm.md``, from the table in the code.

``.venv/bin/python tools/state_diagram.py`` writes what is between ``<!-- states -->`` and ``<!-- /states -->`` from
``TRANSITIONS`` of ``core/conditions/transitions.py``. A unit test compares the page with it.
"""

from __future__ import annotations

from pathlib import Path

from marks import filled
from near_ha.records.states import State
from near_supervisor.core.conditions.transitions import TRANSITIONS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "explanation" / "failover-algorithm.md"
NAME = "states"


def main() -> None:
    """Write the diagram."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), NAME, diagram()), encoding="utf-8")


def diagram() -> str:
    """The table as Mermaid draws it: an arrow for each row, with the name of its condition."""
    rows = [f"    {source.value} --> {target.value}: {name.strip('_')}" for source, name, target in arrows()]
    first, last = State.STARTUP.value, State.SHUTDOWN.value
    return "\n".join(["```mermaid", "stateDiagram-v2", f"    [*] --> {first}", *rows, f"    {last} --> [*]", "```"])


def arrows() -> list[tuple[State, str, State]]:
    """The rows of the table in the order of the states; of one state in the order in which they are asked."""
    order = list(State)
    rows = [(source, condition.__name__, target) for source, condition, target in TRANSITIONS]
    return sorted(rows, key=lambda row: order.index(row[0]))


if __name__ == "__main__":
    main()
