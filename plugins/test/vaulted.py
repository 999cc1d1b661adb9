"""Was a value written encrypted with Ansible Vault?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleError
from ansible.parsing.vault import AnsibleTagHelper, Origin, VaultHelper, is_encrypted_file


def vaulted(value: Any) -> bool:
    """True for a value of ``ansible-vault encrypt_string``, or of a file that is encrypted as a whole.

    True as well for what was not written down at all: what a lookup returns has no origin. False for what stands in
    a plain file or on a command line.
    """
    if VaultHelper.get_ciphertext(value, with_tags=False) is not None:
        return True
    origin = Origin.get_tag(value)
    if origin is None:
        return True
    if not origin.path:
        return False
    try:
        with open(origin.path, "rb") as file:
            return bool(is_encrypted_file(file))
    except OSError as error:
        raise AnsibleError(f"{origin.path}, where a secret comes from, cannot be read: {error.strerror}") from error


class TestModule:
    """The tests of this file."""

    def tests(self) -> dict[str, Callable[..., bool]]:
        """Names and functions."""
        return {"vaulted": vaulted}
