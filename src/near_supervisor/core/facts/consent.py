"""Whether this node would take over as somebody planned it, and what it says of that to the validator."""

from __future__ import annotations

from .values import dataclass


@dataclass(frozen=True)
class Consent:
    """What this node's hook ``pre_takeover`` says to the request with the id ``request``.

    ``go`` is None while it is being asked. ``reason`` is why not, a clause for people.
    """

    request: str
    go: bool | None = None
    reason: str = ""


@dataclass(frozen=True)
class Reply:
    """The ids of the open request under what this node says to it: it is there and would carry it out (``confirms``).

    Or it asks its hook (``considers``), or that has said no (``vetoes``), for the reason ``veto``. "" = not so.
    """

    confirms: str = ""
    considers: str = ""
    vetoes: str = ""
    veto: str = ""


NOTHING = Reply()
