# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Which cluster is meant where a task does not say: the one that the inventory gives the host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

# Option of the modules, variable of the host.
VARIABLES = (("account_id", "supervisor_account_id"), ("run_dir", "near_run_dir"))
_NAMES_A_CLUSTER = ("account_id", "run_dir", "consul_url")


def with_host(given: Mapping[str, Any], task_vars: Mapping[str, Any], template: Callable[[Any], Any]) -> dict[str, Any]:
    """``given``, with what the host's variables say if none of it names a cluster."""
    found = dict(given)
    if any(found.get(name) for name in _NAMES_A_CLUSTER):
        return found
    for option, variable in VARIABLES:
        value = template(task_vars[variable]) if variable in task_vars else ""
        if value:
            found[option] = value
    return found
