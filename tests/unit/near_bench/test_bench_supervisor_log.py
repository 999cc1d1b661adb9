"""What the benchmark reads from a supervisor's log."""

from __future__ import annotations

from pathlib import Path

from near_bench.supervisor_log import said_at

LINES = """\
level=info pid=7 message="released the lease, b may take it at once" target="near_supervisor" node_id=a \
ts=2026-01-01T00:00:01.250Z
level=info pid=7 message="something else" target="near_supervisor" node_id=a ts=2026-01-01T00:00:02.000Z
"""


def test_the_last_line_that_holds_the_words_counts(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(LINES)
    first = said_at(log, "released the lease")
    offset = log.stat().st_size
    assert said_at(log, "released the lease", offset) is None
    with log.open("a") as file:
        file.write(LINES.replace("00:00:01.250", "00:00:09.500"))
    again = said_at(log, "released the lease", offset)
    assert first is not None
    assert again is not None
    assert round(again - first, 3) == 8.25
