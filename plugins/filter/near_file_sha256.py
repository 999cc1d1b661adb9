"""The checksum of a file of the controller, without a task for it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError

_BLOCK = 1 << 20


def near_file_sha256(path: Any) -> str:
    """SHA-256 of the file in hexadecimal; empty for an empty path. It may be large: genesis files are."""
    if not path:
        return ""
    found = hashlib.sha256()
    try:
        with Path(str(path)).expanduser().open("rb") as file:
            while block := file.read(_BLOCK):
                found.update(block)
    except OSError as error:
        raise AnsibleError(f"{path} on the controller cannot be read: {error.strerror}") from None
    return found.hexdigest()


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions."""
        return {"near_file_sha256": near_file_sha256}
