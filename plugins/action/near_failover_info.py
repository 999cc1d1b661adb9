# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Has near_failover_info ask for the cluster that the inventory gives the host, where the task names none."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.validator_ha.near.plugins.plugin_utils.host_defaults import with_host


class ActionModule(ActionBase):
    """Runs the module."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The module's result."""
        super().run(tmp, task_vars)
        given = with_host(self._task.args, task_vars or {}, self._templar.template)
        result: dict[str, Any] = self._execute_module(
            module_name=self._task.action, module_args=given, task_vars=task_vars
        )
        return result
