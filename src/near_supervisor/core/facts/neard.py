"""The guard and its neard, as a supervisor sees them."""

from __future__ import annotations

from enum import Enum

from .values import dataclass
from .work import Work


class Guard(Enum):
    """``ATTACHING`` while an attempt is under way."""

    DOWN = "down"
    ATTACHING = "attaching"
    READY = "ready"


@dataclass(frozen=True)
class Crash:
    """A neard ended by itself at ``at``: ``how``, and what it said last ("" = nothing that tells why)."""

    at: int
    how: str
    last_words: str = ""

    @property
    def text(self) -> str:
        """For people, after a name of that neard."""
        return f"ended by itself with {self.how}" + (f"; it said last: {self.last_words}" if self.last_words else "")


@dataclass(frozen=True)
class Neard:
    """The neard process that the guard owns.

    ``ending`` says why it was told to go ("" = it was not), ``faulty`` that it never became ready.
    ``shows_key``: it says of itself that it has loaded a validator key, ``other_key`` that it is another one than ours
    ("" = it is not, or it does not say). ``key_given_at`` is when it was given one while it ran (``arming``: the guard
    has not said yet that the key is in place), ``key_taken_at`` when that was taken away again (``key_is_gone``: it
    shows none since, and the guard was told so), ``keyless_at`` when the guard had heard of that: from then on it is a
    standby that has signed.
    ``catches_hangup``: the kernel says that a SIGHUP does not kill it.
    ``as_validator``: it runs with the node key and the address that the hosts share for whoever validates.
    ``target`` is the largest height that this process would have approved with a key, when it was asked for that while
    it had none (0 = it was not, or does not tell).
    ``stopped_at`` is when it was asked to end, which it has ``patience_ms`` for (None = it was not, or was killed);
    ``lingers``: that it takes its time was said.
    ``answered_at`` is when it answered first, ``silent_since`` when it first failed to answer after its last answer,
    ``misses`` how often since.
    ``work`` is what it had done at ``worked_at``, when it was last seen to be busy with its start (None = it was not);
    ``slow_said_at`` when it was last said that it takes its time for that.
    """

    pid: int
    armed: bool
    started_at: int
    answered: bool = False
    ending: str = ""
    killed: bool = False
    faulty: bool = False
    shows_key: bool = False
    other_key: str = ""
    answered_at: int = 0
    key_given_at: int | None = None
    arming: bool = False
    key_taken_at: int | None = None
    key_is_gone: bool = False
    keyless_at: int | None = None
    version: str = ""
    chain_id: str = ""
    misses: int = 0
    silent_since: int | None = None
    as_validator: bool = False
    catches_hangup: bool = False
    target: int = 0
    stopped_at: int | None = None
    patience_ms: int | None = None
    lingers: bool = False
    work: Work | None = None
    worked_at: int | None = None
    slow_said_at: int | None = None
