"""What is told of the end of what neard wrote: its panic or its last errors, in one line that harms nobody."""

from __future__ import annotations

import json

import pytest

from near_ha.records.history import MAX_WORDS
from near_supervisor.io.last_words import last_words

STATS = "2026-11-25T20:17:46.123Z  INFO stats: # 190000123 Waiting for peers 0 peers"
PANIC = """\
thread 'actix-rt|system:0|arbiter:0' panicked at chain/chain/src/chain.rs:123:45:
No ChunkExtra for block in the database
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
"""
SECRET = "ed25519:" + "3D4YudUQRE39Lc4JHghuB5WM8kbgDDa34mnrEP5DdTApVH81af7e2dWgNPEaiQfdJnZq1CNPp5im4Rg5b733oiMP"


@pytest.mark.parametrize(
    ("output", "words"),
    [
        pytest.param(
            f"{STATS}\n{PANIC}",
            "thread 'actix-rt|system:0|arbiter:0' panicked at chain/chain/src/chain.rs:123:45:"
            " | No ChunkExtra for block in the database",
            id="a panic",
        ),
        pytest.param(
            f"{PANIC}thread 'other' panicked at x.rs:1:2:\npoisoned\n",
            "thread 'actix-rt|system:0|arbiter:0' panicked at chain/chain/src/chain.rs:123:45:"
            " | No ChunkExtra for block in the database | thread 'other' panicked at x.rs:1:2:",
            id="the first panic of several",
        ),
        pytest.param(
            f"ERROR a: 1\nERROR b: 2\n{STATS}\nERROR c: 3\nError: 4\n{STATS}\n",
            "ERROR b: 2 | ERROR c: 3 | Error: 4",
            id="else its last errors",
        ),
        pytest.param(f"{STATS}\none\n\n", "one", id="else its last line, that of a program which is no neard"),
        pytest.param(f"one\n\n{STATS}\n", "", id="but no line of its log: it was killed as it went on"),
        pytest.param('level=info pid=1 message="x" target="near_guard"\n', "", id="the guard's own lines are not its"),
        pytest.param("", "", id="nothing"),
        pytest.param(None, "", id="an older guard tells nothing"),
        pytest.param(["ERROR"], "", id="no text"),
    ],
)
def test_what_is_chosen(output: object, words: str) -> None:
    assert last_words(output) == words


def test_nothing_of_it_obeys_a_terminal_or_breaks_a_line() -> None:
    nasty = "\x1b[31mERROR\x1b[0m \x1b]0;title\x07a\x00b\x9bc\u202ed\te\r\nERROR f\x1b"
    words = last_words(nasty)
    assert words == "ERROR abcd e | ERROR f"
    assert json.loads(json.dumps(words)) == words


def test_it_has_a_bound() -> None:
    assert len(last_words("ERROR " + "word " * 10_000)) == MAX_WORDS


@pytest.mark.parametrize(
    "text",
    [
        f"cannot use {SECRET}",
        f'{{"account_id": "a", "secret_key": "{SECRET}"}}',
        SECRET.partition(":")[2],
        "secp256k1:" + "abc123" * 10,
        "secret_key=hunter2hunter2",
        "private key: hunter2hunter2",
        "token = hunter2hunter2",
    ],
)
def test_no_secret_goes_on(text: str) -> None:
    words = last_words(f"ERROR config: {text} at line 3\n")
    assert words.startswith("ERROR config: ")
    assert "***" in words
    assert "hunter2" not in words
    assert SECRET[8:40] not in words
    assert "abc123abc123" not in words


def test_a_secret_at_the_bound_is_masked_before_the_cut() -> None:
    assert "3D4Y" not in last_words("ERROR " + "x " * 230 + SECRET)
