"""What is wrong with a file of the controller that a variable names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.validator_ha.near.plugins.plugin_utils import controller_files


def near_controller_fault(path: Any, name: Any, *folders: Any) -> str:
    """A sentence about the file that variable ``name`` names; empty where it can be read, or for an empty path."""
    return controller_files.fault(str(path or ""), str(name), *(str(folder or "") for folder in folders))


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions."""
        return {"near_controller_fault": near_controller_fault}
