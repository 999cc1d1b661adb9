"""What neard said last before it ended by itself, as one line for people: its panic, else its last errors.

What it said last without either is told only where it is no line of its log: one that is killed has just gone on.

What neard writes is whatever it was given and met: nothing of it may obey a terminal, and no secret may go on to Consul
and to whoever reads the history.
"""

from __future__ import annotations

import re

from near_ha.records.history import MAX_WORDS

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)")
_GUARDS_OWN = 'target="near_guard"'
_ERROR = re.compile(r"\b(?:ERROR|FATAL|[Ee]rror|Caused by)\b")
_ORDINARY = re.compile(r"\b(?:TRACE|DEBUG|INFO|WARN)\b")
_PANIC = "panicked at"
_ABOUT_THE_PANIC = ("note: ", "stack backtrace")
_PANIC_LINES = 4
_ERROR_LINES = 3
# Keys by their curve, what is called a secret, and whatever is as long as a secret key without its curve.
_SECRETS = (
    (re.compile(r"\b(ed25519|secp256k1):\w+", re.IGNORECASE), r"\1:***"),
    (re.compile(r"(?i)\b((?:secret|private)[ _-]?key|seed[ _-]?phrase|password|token)(\W{1,4})[^\s,}]+"), r"\1\2***"),
    (re.compile(r"[A-Za-z0-9+=_-]{60,}"), "***"),
)


def last_words(output: object) -> str:
    """Of the end of what neard wrote, in whole lines; "" where that is nothing, or no text."""
    if not isinstance(output, str):
        return ""
    plain = [_plain(line) for line in output.replace("\r", "\n").split("\n") if _GUARDS_OWN not in line]
    return _masked(" | ".join(_chosen([line for line in plain if line])))[:MAX_WORDS]


def plain_line(line: str) -> str:
    """One line of any program's output, without what a terminal obeys and without what looks like a secret."""
    return _masked(_plain(line))


def _masked(words: str) -> str:
    for secret, mask in _SECRETS:
        words = secret.sub(mask, words)
    return words


def _plain(line: str) -> str:
    return "".join(sign for sign in _ESCAPES.sub("", line).replace("\t", " ") if sign.isprintable()).strip()


def _chosen(lines: list[str]) -> list[str]:
    """The first panic: those after it are mostly its consequences."""
    for at, line in enumerate(lines):
        if _PANIC in line:
            return [said for said in lines[at : at + _PANIC_LINES] if not said.startswith(_ABOUT_THE_PANIC)]
    errors = [line for line in lines if _ERROR.search(line)]
    return errors[-_ERROR_LINES:] or [line for line in lines[-1:] if not _ORDINARY.search(line)]
