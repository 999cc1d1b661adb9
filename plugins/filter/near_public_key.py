"""The public part of a NEAR key, on the controller."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible_collections.validator_ha.near.plugins.module_utils.near_ha.errors import BadKey
from ansible_collections.validator_ha.near.plugins.module_utils.near_ha.keys import key_file


def near_public_key(key: Any, name: str = "the key") -> dict[str, str]:
    """``account_id`` and ``public_key`` of a key as JSON text or dictionary; ``name`` is what errors call it."""
    # A copy without tags or laziness: the parser knows plain values only.
    text = json.dumps({str(word): str(value) for word, value in key.items()}) if isinstance(key, Mapping) else str(key)
    try:
        found = key_file.parse(text, name)
    except BadKey as error:
        # "from None": the cause may quote the key.
        raise AnsibleError(str(error)) from None
    return {"account_id": found.account_id, "public_key": found.public_key}


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions."""
        return {"near_public_key": near_public_key}
