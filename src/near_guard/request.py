"""What a request has to be like to be carried out. Anybody may have written it."""

from __future__ import annotations

from .kernel import boot_ms

MAX_AHEAD_MS = 3_600_000


class Refused(Exception):
    """A request that is not carried out, with the reason that the supervisor is told."""


def words(request: dict[str, object], name: str) -> list[str]:
    """The command line in the field ``name``; Refused when it is none, KeyError when it is not there."""
    value = request[name]
    if not isinstance(value, list) or not value or not all(isinstance(word, str) for word in value):
        raise Refused(f"{name} is not a list of words")
    return value


def duration_ms(request: dict[str, object], name: str) -> int:
    """The number of milliseconds in the field ``name``; Refused when it is none."""
    value = request.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Refused(f"{name} = {value!r} is not a number of milliseconds")
    return value


def time_ms(request: dict[str, object], name: str) -> int:
    """The time in the field ``name``, on CLOCK_BOOTTIME; Refused when it is none, or one that nobody can mean."""
    value = duration_ms(request, name)
    if value > boot_ms() + MAX_AHEAD_MS:
        raise Refused(f"{name} = {value} lies more than {MAX_AHEAD_MS // 1000} s ahead")
    return value
