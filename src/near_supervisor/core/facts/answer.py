"""The three answers from outside: yes, no, don't know. The last is never read as one of the others."""

from __future__ import annotations

from enum import Enum

from .values import dataclass


class Kind(Enum):
    """``NO`` was said by the other side; ``UNKNOWN`` means it could not be asked, or did not say."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "don't know"


@dataclass(frozen=True)
class Answer:
    """An answer with its reason for people."""

    kind: Kind
    reason: str = ""


YES = Answer(Kind.YES)
