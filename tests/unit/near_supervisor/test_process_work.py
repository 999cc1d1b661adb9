"""What a process has worked, by the kernel's counters."""

from __future__ import annotations

import os
from pathlib import Path

from near_supervisor.core.facts.work import Work
from near_supervisor.io import process_work
from support.waiting import until


def test_a_process_that_works_is_seen_to(tmp_path: Path) -> None:
    before = process_work.of(os.getpid())
    assert before is not None
    (tmp_path / "written").write_bytes(bytes(3 << 20))

    def worked() -> bool:
        sum(range(100_000))
        now = process_work.of(os.getpid())
        return now is not None and now.cpu_ms - before.cpu_ms >= 50 and now.moved_bytes - before.moved_bytes >= 3 << 20

    until("processor and disk are seen", worked, lambda: f"{before} {process_work.of(os.getpid())}")


def test_a_process_that_is_gone_or_hidden_tells_nothing(tmp_path: Path) -> None:
    assert process_work.of(7, tmp_path) is None
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_text("7 (a ) b) S" + " 0" * 10 + " 100 50 10 5 0")
    assert process_work.of(7, tmp_path) == Work(165 * 1_000 // os.sysconf("SC_CLK_TCK"), 0)
    (tmp_path / "7" / "io").write_text("rchar: 70\nwchar: 7\nsyscr: 1\n")
    assert process_work.of(7, tmp_path) == Work(165 * 1_000 // os.sysconf("SC_CLK_TCK"), 77)
    (tmp_path / "7" / "stat").write_text("nonsense")
    assert process_work.of(7, tmp_path) is None
