"""A way to a cluster: reads it as one document (``cluster_report``), judges requests by one set of rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ..operator.request import OperatorRequest, Verb


@dataclass(frozen=True)
class Asked:
    """What a request came to: ``changed`` says that something was written, or would be; ``text`` what.

    ``request`` is the id of the switchover to follow, "" where there is nothing to wait for. Somebody else may have
    asked for it before: then nothing is changed, and there is something to follow all the same.
    """

    changed: bool
    text: str
    request: str = ""


class Way(Protocol):
    """Each call raises NearError: Refused when it cannot be, ConsulUnknown or ControlError when nobody answers."""

    @property
    def account_id(self) -> str:
        """The account whose cluster this is."""

    def meant(self, verb: Verb) -> str:
        """Who is meant by ``verb`` where nobody is named: a member id or host name, "" for whoever validates."""

    def look(self) -> dict[str, Any]:
        """The document of the cluster as it is now."""

    def ask(self, wanted: OperatorRequest, *, check: bool) -> Asked:
        """Have ``wanted`` carried out; under ``check`` only say what would be."""
