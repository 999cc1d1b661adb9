# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Which cluster is meant where a task does not say: the one that the inventory gives the host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def with_host(given: Mapping[str, Any], task_vars: Mapping[str, Any], template: Callable[[Any], Any]) -> dict[str, Any]:
    """``given``, with the host's account where the task names none, and its run directory where it names no way."""
    found = dict(given)

    def known(variable: str) -> Any:
        return template(task_vars[variable]) if variable in task_vars else ""

    # Also beside consul_url: else the only account in that Consul would do, whichever that is.
    account, run_dir = known("supervisor_account_id"), known("near_run_dir")
    if account and not found.get("account_id"):
        found["account_id"] = account
    if run_dir and not found.get("run_dir") and not found.get("consul_url") and not given.get("account_id"):
        found["run_dir"] = run_dir
    return found
