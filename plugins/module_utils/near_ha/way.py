"""A way to a cluster: reads it as one document (``cluster_report``), judges a wish by one set of rules (``wish``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from .wish import Wish


@dataclass(frozen=True)
class Asked:
    """What a wish came to: ``changed`` says that something was written, or would be; ``text`` what.

    ``request`` is the id of the switchover to follow, "" where there is nothing to wait for.
    """

    changed: bool
    text: str
    request: str = ""


class Way(Protocol):
    """Each call raises NearError: Refused when it cannot be, ConsulUnknown or ControlError when nobody answers."""

    @property
    def account_id(self) -> str:
        """The account whose cluster this is."""

    @property
    def here(self) -> str:
        """What stands for "this host" in a wish: a member id, or a host name."""

    def look(self) -> dict[str, Any]:
        """The document of the cluster as it is now."""

    def ask(self, wanted: Wish, *, check: bool) -> Asked:
        """Have ``wanted`` carried out; under ``check`` only say what would be."""
