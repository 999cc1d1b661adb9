# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Sends files of the controller that a NixOS host lacks, and has module near_nixos_system bring the host to them."""

from __future__ import annotations

from typing import Any

from ansible_collections.validator_ha.near.plugins.action import near_files


class ActionModule(near_files.ActionModule):
    """As for near_files: one call of the module where nothing has to be sent, else two."""

    MODULE = "validator_ha.near.near_nixos_system"

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The result of the module; a call that keeps or checks a system brings no files."""
        self._task.args.setdefault("files", [])
        result: dict[str, Any] = super().run(tmp, task_vars)
        return result
