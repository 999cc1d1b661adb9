"""What is known of the machine that neard runs on, looked at from outside the core."""

from __future__ import annotations

from .values import dataclass


@dataclass(frozen=True)
class Host:
    """None means that nobody knows, which is no reason for anything.

    ``disk_free_bytes`` are those that neard may still write where its data is; ``nofile`` is the hard limit of open
    files of neard, or of the guard that would start it. ``key`` and ``preflight`` are what is wrong with the validator
    key's file and with what ``neard validate-config`` looks at ("" = nothing).
    """

    disk_free_bytes: int | None = None
    nofile: int | None = None
    key: str | None = None
    preflight: str | None = None


@dataclass(frozen=True)
class RunDir:
    """The supervisor's run directory: what is wrong with it, a clause for people ("" = nothing).

    ``gone``: it is not there, or another's, and cannot be made again: nobody finds this supervisor or its guard.
    """

    problem: str = ""
    gone: bool = False


UNKNOWN = Host()
