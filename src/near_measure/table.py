"""Tables as text: aligned for a terminal, and in Markdown for the documentation."""

from __future__ import annotations

from collections.abc import Sequence

GAP = "  "


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Columns of equal width; those numbered in `right` end together. No line ends in blanks."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]

    def pad(column: int, text: str) -> str:
        return text.rjust(widths[column]) if column in right else text.ljust(widths[column])

    return "\n".join(GAP.join(pad(column, text) for column, text in enumerate(line)).rstrip() for line in lines)


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """The same in Markdown."""
    rule = ["---:" if column in right else "---" for column in range(len(header))]
    lines = [[text.replace("|", r"\|") for text in line] for line in (header, rule, *rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
