# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Takes the free-form word of near_failover apart, and keeps one play from promoting two hosts."""

from __future__ import annotations

import getpass
import socket
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.validator_ha.near.plugins.plugin_utils.host_defaults import with_host

_MOST_WORDS = 2
_LONGEST = 80


def arguments(given: dict[str, Any], asked_by: str) -> dict[str, Any]:
    """The module's own arguments for ``promote validator-2 timeout=60``; ValueError says what is wrong with them."""
    found = {name: value for name, value in given.items() if name != "_raw_params"}
    words = str(given.get("_raw_params") or "").split()
    if len(words) > _MOST_WORDS:
        raise ValueError(
            f"near_failover: {' '.join(words)!r} is more than a word and a node, as in: promote validator-2"
        )
    for name, word in zip(("action", "node"), words, strict=False):
        if name in found:
            raise ValueError(f"near_failover: {name} is given twice, as {word!r} and as {name}={found[name]}")
        found[name] = word
    if not found.get("asked_by"):
        found["asked_by"] = asked_by
    return found


def rivals(task_vars: dict[str, Any]) -> list[str]:
    """The hosts of the play, of all its batches, that it may promote too: those of the same account, with this one."""
    hosts = task_vars.get("ansible_play_hosts_all") or task_vars.get("ansible_play_batch") or []
    hostvars = task_vars.get("hostvars") or {}

    def account(host: str) -> Any:
        return hostvars[host].get("supervisor_account_id") if host in hostvars else None

    own = account(str(task_vars.get("inventory_hostname")))
    return [host for host in hosts if account(host) == own]


def on_controller() -> str:
    """Who runs this, for the log and the history."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "somebody"
    return f"{user}@{socket.gethostname()}"[:_LONGEST] + " (Ansible)"


class ActionModule(ActionBase):
    """Runs the module with what the free-form word means."""

    supports_raw_params = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The module's result."""
        super().run(tmp, task_vars)
        try:
            given = arguments(self._task.args, on_controller())
        except ValueError as error:
            raise AnsibleActionFail(str(error)) from None
        given = with_host(given, task_vars or {}, self._templar.template)
        self._check_alone(given, task_vars or {})
        result: dict[str, Any] = self._execute_module(
            module_name=self._task.action, module_args=given, task_vars=task_vars
        )
        return result

    def _check_alone(self, given: dict[str, Any], task_vars: dict[str, Any]) -> None:
        """A condition or run_once says which host is meant; without them the last one of a play would win."""
        if given.get("action") != "promote" or given.get("node") or self._task.run_once or self._task.when:
            return
        hosts = rivals(task_vars)
        if len(hosts) > 1:
            raise AnsibleActionFail(
                f"near_failover: this play would promote {len(hosts)} hosts ({', '.join(hosts)}), and only one can"
                " validate. Limit it to one host, or name it with node; nothing was changed"
            )
