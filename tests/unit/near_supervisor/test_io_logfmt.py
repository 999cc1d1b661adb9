"""Log lines: kuutamod's shape, and one line for one record whatever it holds."""

from __future__ import annotations

import io
import json
import logging
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from near_supervisor.io import logfmt

SEED = re.compile(
    r'level=(?P<level>\w+) pid=(?P<pid>\d+) message=(?P<message>"(?:\\.|[^"\\])*") target="(?P<target>[^"]*)"'
    r" node_id=(?P<node>\S+) ts=(?P<ts>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"
)


def line(message: str, *args: object, level: int = logging.INFO, exc_info: bool = False, node: str = "node") -> str:
    record = logging.LogRecord(
        "near_supervisor", level, __file__, 1, message, args, sys.exc_info() if exc_info else None
    )
    record.created, record.process = 1714979289.123, 174131
    return logfmt.LogfmtFormatter(node).format(record)


def test_the_seeds_line_and_the_time() -> None:
    assert line("state changed: Voting -> Validating") == (
        'level=info pid=174131 message="state changed: Voting -> Validating" target="near_supervisor" node_id=node'
        " ts=2024-05-06T07:08:09.123Z"
    )


@pytest.mark.parametrize(
    ("level", "name"),
    [(logging.DEBUG, "debug"), (logging.INFO, "info"), (logging.WARNING, "warn"), (logging.ERROR, "error"),
     (logging.CRITICAL, "error")],
)  # fmt: skip
def test_levels_as_kuutamod_spells_them(level: int, name: str) -> None:
    assert line("x", level=level).startswith(f"level={name} ")


@given(st.text())
def test_any_message_is_one_line_that_can_be_read_back(message: str) -> None:
    formatted = line("%s", message)
    assert not re.search(r"[\n\r\x00-\x1f]", formatted)
    match = SEED.fullmatch(formatted)
    assert match
    assert json.loads(match["message"]) == message


@pytest.mark.parametrize(
    "message", ['say "no"', "two\nlines", "tab\t", "back\\slash", "end with \\", "é and \N{SNOWMAN}"]
)
def test_quotes_and_line_ends_are_escaped(message: str) -> None:
    match = SEED.fullmatch(line(message))
    assert match
    assert json.loads(match["message"]) == message


def test_a_traceback_stays_on_the_line() -> None:
    try:
        int("line one\nline two")
    except ValueError:
        formatted = line("unexpected", exc_info=True)
    assert "\n" not in formatted
    assert "Traceback" in formatted
    assert "ValueError" in formatted


@pytest.mark.parametrize("node", ["two words", "two\nlines", 'a"b', "", "x\x1b[31m", "a=b"])
def test_a_node_id_that_is_no_word_does_not_break_the_line(node: str) -> None:
    formatted = line("x", node=node)
    assert not re.search(r"[\n\r\x00-\x1f]", formatted)
    name = re.search(r" node_id=(.*) ts=", formatted)
    assert name
    assert json.loads(name[1]) == node


@pytest.mark.parametrize("node", ["node", "validator-a", "near_1.example", "7"])
def test_a_usual_node_id_stays_bare(node: str) -> None:
    assert f" node_id={node} ts=" in line("x", node=node)


def test_set_up_writes_to_standard_error_and_survives_what_it_cannot_encode(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(raw, "ascii", errors="backslashreplace", write_through=True))
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        logfmt.set_up("n")
        logging.getLogger("near_supervisor").warning("é %s", "\ud800")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    text = raw.getvalue().decode("ascii")
    assert text.startswith("level=warn ")
    assert text.count("\n") == 1
