"""With which key the chain lists this validator, in this epoch and in the next: is ours the one that it waits for?

A node with another key may hold the lease for ever and signs nothing that counts. Not to be listed at all is no
mistake: a new validator, or one that was left out, is so; another key that is listed is one.
"""

from __future__ import annotations

from enum import Enum

from .settings import Settings
from .values import dataclass


@dataclass(frozen=True)
class Listing:
    """The public keys with which the chain lists the account of the validator key ("" = it does not list it)."""

    current: str
    following: str

    @property
    def key(self) -> str:
        """The one that counts now; before its first epoch the one of that."""
        return self.current or self.following


class Listed(Enum):
    """``UNKNOWN``: neard has not told."""

    OURS = "ours"
    OTHER = "other"
    NOT = "not"
    UNKNOWN = "unknown"


def listed(listing: Listing | None, settings: Settings) -> Listed:
    """How the chain lists the validator."""
    if listing is None:
        return Listed.UNKNOWN
    if not listing.key:
        return Listed.NOT
    return Listed.OURS if listing.key == settings.validator_public_key else Listed.OTHER


def other_key(listing: Listing | None, settings: Settings) -> str:
    """That the chain waits for another key; "" when it does not, or that is not known."""
    if listing is None or listed(listing, settings) is not Listed.OTHER:
        return ""
    mine, account = settings.validator_public_key, settings.validator_account_id
    if listing.following == mine:
        return (
            f"the chain lists {account} with {listing.key} in this epoch and with this node's key {mine} from the next"
            " one on, and until then this node does not stand"
        )
    return (
        f"the chain lists {account} with {listing.key}, this node was given {mine}: nothing that it signs would count."
        " Give it the listed key (--validator-key), or stake with this one and wait until the chain lists it"
    )


def not_listed(listing: Listing | None, settings: Settings) -> str:
    """That nothing is owed now; "" when something is, or that is not known."""
    if listed(listing, settings) is not Listed.NOT:
        return ""
    return (
        f"the chain lists {settings.validator_account_id} as a validator neither of this epoch nor of the next: is its"
        " account right, and does it stake with this key?"
    )
