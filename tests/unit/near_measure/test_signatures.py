from __future__ import annotations

import json
from pathlib import Path

import pytest

from near_measure.clock import NS
from near_measure.signatures import (
    Signature,
    SignatureLog,
    between,
    change_gap,
    first_since,
    last_before,
    longest_silence,
)


def signed(at_s: float, home: str = "a", pid: int = 1) -> Signature:
    return Signature(round(at_s * NS), home, pid, "approval", 5)


def line(at_s: float, event: str = "sign", account: str = "node3", home: str = "a") -> str:
    entry = {"event": event, "account": account, "kind": "approval", "height": 5, "content": "c", "node_id": "n"}
    entry |= {"home": f"/data/{home}", "pid": 1, "wall_ns": 0, "boot_ns": round(at_s * NS)}
    return json.dumps(entry) + "\n"


SIGNED = [signed(1), signed(1.5), signed(2, pid=2), signed(4, "b", 3)]


def test_log_is_followed_account_by_account(tmp_path: Path) -> None:
    file = tmp_path / "referee.log"
    log = SignatureLog(file, "node3")
    assert list(log.poll()) == []
    file.write_text(line(1) + line(1.1, account="node0") + line(1.2, event="alive") + "not json\n")
    assert list(log.poll()) == [signed(1)]
    half = line(3)
    with file.open("a") as out:
        out.write(line(2, home="b") + half[:20])
    assert [s.home for s in log.poll()] == ["a", "b"]
    with file.open("a") as out:
        out.write(half[20:])
    assert [s.boot_ns for s in log.poll()] == [1 * NS, 2 * NS, 3 * NS]


def test_log_is_in_order_of_time_not_of_writing(tmp_path: Path) -> None:
    file = tmp_path / "referee.log"
    file.write_text(line(2) + line(1))
    assert [s.boot_ns for s in SignatureLog(file, "node3").poll()] == [1 * NS, 2 * NS]


def test_window_includes_its_edges() -> None:
    assert between(SIGNED, round(1.5 * NS), 2 * NS) == SIGNED[1:3]


def test_last_and_first() -> None:
    assert last_before(SIGNED, 2 * NS) == SIGNED[1]
    assert last_before(SIGNED, 1 * NS) is None
    assert first_since(SIGNED, 2 * NS) == SIGNED[2]
    assert first_since(SIGNED, 5 * NS) is None


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(1, 4, 2.0), (1, 2, 0.5), (0, 2, 1.0), (4, 9, 5.0), (5, 9, 4.0), (2.5, 3, 0.5)],
)
def test_longest_silence_counts_the_edges(start: float, end: float, expected: float) -> None:
    assert longest_silence(SIGNED, round(start * NS), round(end * NS)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, 1.9, 0.0), (0, 2, 0.5), (0, 9, 2.0), (2.5, 9, 0.0), (5, 9, 0.0)],
)
def test_gap_is_only_where_the_process_changes(start: float, end: float, expected: float) -> None:
    assert change_gap(SIGNED, round(start * NS), round(end * NS)) == pytest.approx(expected)
