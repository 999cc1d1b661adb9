"""Where a file of the controller is that a variable names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.validator_ha.near.plugins.plugin_utils import controller_files


def near_controller_path(path: Any, *folders: Any) -> str:
    """The absolute path; a relative one begins at the first of ``folders`` that has it. Empty for an empty path."""
    return controller_files.resolved(str(path or ""), *(str(folder or "") for folder in folders))


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions."""
        return {"near_controller_path": near_controller_path}
