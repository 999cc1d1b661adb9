"""Was a value written encrypted with Ansible Vault?"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.parsing.vault import Origin, VaultHelper, is_encrypted_file

# Base58, base64, UUIDs: what a secret looks like whatever is written around it.
_TOKEN = re.compile(r"[A-Za-z0-9+/=_-]{12,}")


def vaulted(value: Any) -> bool:
    """True for a value of ``ansible-vault encrypt_string``, or of a file that is encrypted as a whole.

    True as well for what was not written down at all, such as what a lookup returns: its origin may be a plain file,
    but that holds the lookup and not the secret. False for what stands in a plain file or on a command line.
    """
    if VaultHelper.get_ciphertext(value, with_tags=False) is not None:
        return True
    origin = Origin.get_tag(value)
    if origin is None:
        return True
    if not origin.path:
        return False
    try:
        with Path(origin.path).open("rb") as file:
            if is_encrypted_file(file):
                return True
            file.seek(0)
            return _secret_of(str(value)).encode() not in file.read()
    except OSError as error:
        raise AnsibleError(f"{origin.path}, where a secret comes from, cannot be read: {error.strerror}") from error


def _secret_of(text: str) -> str:
    """The part of a value that stands in a file as it is, however the rest of it is quoted there."""
    return max(_TOKEN.findall(text), key=len, default=text)


class TestModule:
    """The tests of this file."""

    def tests(self) -> dict[str, Callable[..., bool]]:
        """Names and functions."""
        return {"vaulted": vaulted}
