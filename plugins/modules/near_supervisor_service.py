#!/usr/bin/python
# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0) or, at your choice,
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), which ansible-test wants for modules
"""Ansible module: brings supervisor and guard of an account to what is installed, and never ends a neard that signs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: near_supervisor_service
short_description: Start the supervisor of an account, and replace processes that are out of date
version_added: 0.1.0
description:
  - Starts what does not run. Finds the processes that are older than the files that they were started with, replaces
    them, and waits until the supervisor does what it did before.
  - The supervisor is replaced under a running neard. The guard, and neard with it, is restarted only while neard may
    not sign. This is checked immediately before the restart, because a standby may become the signer at any time.
  - Versions of the daemon that no process runs any more are removed.
  - The module looks at processes, not at what an earlier task changed, so the next run continues an interrupted run.
options:
  state:
    description: Whether the supervisor runs, now and after a restart of the host. Stopping it also stops neard.
    type: str
    choices: [started, stopped]
    default: started
  restart_guard:
    description: Restart the guard, and neard with it, even while neard may sign.
    type: bool
    default: false
  wait:
    description: How many seconds to wait until the supervisor does what it did before.
    type: int
    default: 300
  would_change:
    description: In check mode, the files that would have been changed before this task, and therefore count as newer.
    type: list
    elements: path
    default: []
extends_documentation_fragment:
  - validator_ha.near.processes
attributes:
  check_mode:
    description: Reports what would be done without doing it.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
seealso:
  - module: validator_ha.near.near_supervisor_info
author:
  - The validator_ha.near contributors (@validator-ha)
"""

EXAMPLES = r"""
- name: Run the supervisor that is currently installed
  validator_ha.near.near_supervisor_service:
    account_id: my.pool.near
    home: /var/lib/near/neard
"""

RETURN = r"""
actions:
  description: Descriptions of what was done, or would be done.
  returned: always
  type: list
  elements: str
  sample: ["exchange the supervisor, because /etc/near/supervisor/my.pool.near.env has changed"]
left:
  description: Changes that take effect only after a restart of neard, and were left because neard may sign.
  returned: always
  type: list
  elements: str
  sample: [/usr/local/bin/neard has changed]
"""

import os
import subprocess
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.near_ha.errors import NearError
from ..module_utils.near_ha.host import nixos_system, supervisor_host, supervisor_plan
from ..module_utils.near_ha.module_end import Stop
from ..module_utils.near_ha.transport import control_client

LOOK_EVERY_S = 0.5
# A neard takes its time to stop, and the unit knows how long.
COMMAND_TIMEOUT_S = 900


class Service:
    """Supervisor and guard of one account on this host."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module, self.p = module, module.params
        account = self.p["account_id"]
        self.unit, self.guard = f"near-supervisor@{account}.service", f"near-guard@{account}.service"
        self.run_dir = Path(self.p["run_dir"] or f"/run/near-supervisor/{account}")
        self.actions: list[str] = []

    def look(self) -> dict[str, Any]:
        """What runs now."""
        return supervisor_host.look(self.p)

    def act(self, words: str, *command: str) -> None:
        """Notes what is done; lets systemd do it unless in check mode. Raises Stop."""
        self.actions.append(words)
        if not self.module.check_mode:
            systemctl(words, *command)

    def run(self) -> list[str]:
        """Everything; what was left because neard may sign. Raises Stop."""
        shown, guard = supervisor_host.units(self.unit, self.guard)
        wanted, verb = ("enabled", "enable") if self.p["state"] == "started" else ("disabled", "disable")
        if "yes" in (shown.get("NeedDaemonReload"), guard.get("NeedDaemonReload")) and not self.module.check_mode:
            # No change by itself: the files were.
            systemctl("read the units again", "daemon-reload")
        if shown.get("UnitFileState") != wanted and (wanted == "enabled" or shown.get("LoadState") == "loaded"):
            self.enable(verb)
        if self.p["state"] == "stopped":
            if self.look()["supervisor"]["pid"]:
                self.act("stop the supervisor, and neard with it", "stop", self.unit)
            return []
        return self.started()

    def enable(self, verb: str) -> None:
        """Whether it starts with the host; on NixOS that is the system's. Raises Stop."""
        if not nixos_system.is_here():
            self.act(f"{verb} {self.unit}", verb, self.unit)
        elif verb == "enable" and not self.module.check_mode:
            raise Stop(
                f"the system of this host does not start {self.unit}: services.near-validator.validators."
                f'"{self.p["account_id"]}" is not set, or another system runs. Run role supervisor with its tag install'
            )

    def started(self) -> list[str]:
        """As `run`, for a supervisor that has to run."""
        self.compile()
        if not self.look()["supervisor"]["pid"]:
            self.act("start the supervisor", "start", self.unit)
        # From here to the restart of the guard nothing is waited for.
        before = self.look()
        made = supervisor_plan.plan(before, self.p["restart_guard"], self.would_change())
        if made.guard:
            self.act(f"restart the guard, because {'; '.join(made.guard)}", "restart", self.guard)
        if made.supervisor:
            self.exchange(f"exchange the supervisor, because {'; '.join(made.supervisor)}", before["neard"]["armed"])
        if self.module.check_mode:
            return [] if made.guard else list(before["guard"]["outdated"])
        after = self.wait(before, made)
        for program in after["unused_programs"]:
            self.actions.append(f"remove {program}, which nothing runs")
            Path(program).unlink(missing_ok=True)
        return list(after["guard"]["outdated"])

    def would_change(self) -> list[str]:
        """Files of check mode; a directory is nothing that a process reads."""
        return [path for path in self.p["would_change"] if self.module.check_mode and not Path(path).is_dir()]

    def compile(self) -> None:
        """Compiles the daemon for this host's Python where that was not done. Raises Stop.

        Not at a start: on a busy host a start has to be over before the lease is.
        """
        program = os.path.realpath(supervisor_host.installed(self.p, "link"))
        # One from a store of Nix was compiled when it was built.
        if self.module.check_mode or not program.endswith(".pyz"):
            return
        words = f"compile {program}"
        if run_command(words, [program, "compile"]):
            self.actions.append(words)

    def exchange(self, words: str, armed: bool) -> None:
        """Has the supervisor end and leave guard and neard running; systemd starts the new one. Raises Stop."""
        self.actions.append(words)
        if self.module.check_mode:
            return
        try:
            control_client.call(self.run_dir / "control.sock", "POST", "/detach")
        except NearError as error:
            # Ended in another way, it would take neard with it. Where that may not sign, nothing is lost.
            if armed:
                raise Stop(f"could not {words}: {error}") from None
            systemctl(words, "restart", self.unit)

    def wait(self, before: dict[str, Any], made: supervisor_plan.Plan) -> dict[str, Any]:
        """The look in which the supervisor does what it did before. Raises Stop."""
        end = time.monotonic() + self.p["wait"]
        while True:
            after = self.look()
            if not supervisor_plan.neard_is_same(before, after, made):
                raise Stop(
                    f"neard of {self.p['account_id']} was to go on, but its pid was {before['neard']['pid']} and is "
                    f"{after['neard']['pid']}. The new supervisor was not there before the lease ended, as on a very "
                    f"busy host, or neard failed by itself: journalctl -u {self.guard} -u {self.unit}"
                )
            lacking = supervisor_plan.missing(before, after, made)
            if not lacking:
                return after
            if time.monotonic() > end:
                raise Stop(
                    f"the supervisor of {self.p['account_id']} is not back within {self.p['wait']} s: {lacking}. "
                    f"journalctl -u {self.guard} -u {self.unit} says more; run this again when it is mended"
                )
            time.sleep(LOOK_EVERY_S)


def systemctl(words: str, *command: str) -> None:
    """Runs it. Raises Stop."""
    run_command(words, ["systemctl", *command])


def run_command(words: str, command: list[str]) -> str:
    """What the command prints. Raises Stop, which says what could not be done."""
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip()
        raise Stop(f"could not {words} ({' '.join(command)}): {said}") from None
    return done.stdout


def main() -> None:
    """Does what is asked for, and says what it did."""
    spec: dict[str, Any] = {
        "state": {"type": "str", "choices": ["started", "stopped"], "default": "started"},
        "restart_guard": {"type": "bool", "default": False},
        "wait": {"type": "int", "default": 300},
        "would_change": {"type": "list", "elements": "path", "default": []},
        **supervisor_host.ARGUMENTS,
    }
    module = AnsibleModule(spec, supports_check_mode=True)
    service = Service(module)
    try:
        left = service.run()
    except Stop as stop:
        module.fail_json(msg=str(stop), actions=service.actions)
    module.exit_json(changed=bool(service.actions), actions=service.actions, left=left)


if __name__ == "__main__":
    main()
