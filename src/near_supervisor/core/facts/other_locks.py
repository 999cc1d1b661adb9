"""Leases of other names in this Consul: is one of them a lease of this very validator?

kuutamod names its lease as somebody has configured it (``default``, if nobody has), and knows no lock of the key. So
before anybody of this name has ever held the lease, a lock of another name that may be its is a reason to wait.
"""

from __future__ import annotations

from collections.abc import Collection

from .settings import Settings
from .values import dataclass


@dataclass(frozen=True)
class OtherLock:
    """A lease of another name that is held now; ``public_key`` is "" where its holder does not say (kuutamod)."""

    account_id: str
    holder: str
    public_key: str = ""


def against(locks: Collection[OtherLock], settings: Settings, is_first: bool) -> str:
    """Which of ``locks`` may be held by a signer with our key; "" when none is.

    ``is_first``: nobody of this name has held the lease, as far as this node has seen.
    """
    same = [lock for lock in locks if lock.public_key == settings.validator_public_key]
    if same:
        return (
            f"{_text(same)} is held by a node with this validator key, and this node's account id is"
            f" {settings.account_id}. Give all nodes of the validator the same --account-id, or stop the other ones"
        )
    strange = [lock for lock in locks if not lock.public_key and lock.account_id not in settings.other_locks]
    if not strange or not is_first:
        return ""
    names = ",".join(lock.account_id for lock in strange)
    return (
        f"{_text(strange)} is held, and by no supervisor of this version: a kuutamod that signs with this validator key"
        f" under another name? Then give its name as --account-id, or stop it. If it is another validator's:"
        f" --other-locks {names}"
    )


def _text(locks: Collection[OtherLock]) -> str:
    return ", ".join(f"kuutamod-leader/{lock.account_id} ({lock.holder or 'nobody is named'})" for lock in locks)
