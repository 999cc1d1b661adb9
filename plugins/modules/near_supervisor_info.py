#!/usr/bin/python
# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0) or, at your choice,
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), which ansible-test wants for modules
"""Module near_supervisor_info: what runs on a host for one account, and what of it is out of date."""

from __future__ import annotations

DOCUMENTATION = r"""
module: near_supervisor_info
short_description: Report the supervisor, guard and neard of one account, and which of them need a restart
version_added: 0.1.0
author:
  - The validator_ha.near contributors (@validator-ha)
description:
  - Asks systemd about the two units of an account, the supervisor for its status, and F(/proc) for the age of each
    process.
  - A process is out of date if a file that it read when it started is newer than the process, or if it runs another
    version of the program. So the next run continues an interrupted run, which no handler would do.
options:
  key_paths:
    description: Key files to inspect, as M(validator_ha.near.near_key_info) does.
    type: list
    elements: path
    default: []
  known_units:
    description: Units that are known to start no neard beside the guard.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - validator_ha.near.processes
  - validator_ha.near.attributes.info
"""

EXAMPLES = r"""
- name: Get what is running
  validator_ha.near.near_supervisor_info:
    account_id: my.pool.near
    home: /var/lib/near/neard
  register: now

- name: Show what needs a restart of neard
  ansible.builtin.debug:
    msg: "{{ now.guard.outdated }}"
"""

RETURN = r"""
status:
  description: The supervisor's own status; null if it does not answer.
  returned: always
  type: dict
supervisor:
  description:
    - The supervisor's unit, its pid (0 if there is none), the program file that it runs, and why it is out of date.
    - C(started_at) is in seconds since 1970; null if there is no process.
    - C(installed) says whether the account has settings. C(consul_url) says which Consul they name.
  returned: always
  type: dict
  sample:
    unit: near-supervisor@my.pool.near.service
    installed: true
    active: active
    pid: 4711
    started_at: 1795000000.1
    program: /usr/local/lib/near-supervisor/near-supervisor-0123456789ab.pyz
    outdated: []
    consul_url: http://127.0.0.1:8500
guard:
  description: The same for the guard. If the guard or neard is out of date, neard must be restarted.
  returned: always
  type: dict
neard:
  description:
    - The pid of neard (0 if there is none), whether it may sign, whether it has a configuration, and whether it is
      older than that configuration.
    - C(elsewhere) are the directories outside of its home that the configuration lets neard fill, by their names there.
      C(named) is the path by its name, C(path) where it really is, C(fault) why neard may be unable to write there.
  returned: always
  type: dict
  sample: {pid: 4712, armed: true, configured: true, config_changed: false, elsewhere: {}}
foreign_processes:
  description: >-
    Every neard that runs without a guard, and every kuutamod, whatever their account. Nothing ends them when the lease
    of this account is over.
  returned: always
  type: list
  elements: str
  sample: ["pid 815: /usr/bin/kuutamod --neard-home /var/lib/neard"]
other_units:
  description:
    - The units that something starts, as at boot, and that would run neard with this home, or with a validator key of
      this account (or one of O(key_paths)); as M(validator_ha.near.near_neard_units) finds and masks them.
    - C(elsewhere) says how to end that where it is none of the system's units, but a user's, or a line for cron.
  returned: always
  type: list
  elements: dict
  sample:
    - unit: neard.service
      file: /etc/systemd/system/neard.service
      started_by: multi-user.target
      elsewhere: ""
      why: would run neard with the home /var/lib/near/neard, beside the guard
      sentence: >-
        neard.service (/etc/systemd/system/neard.service, started by multi-user.target) would run neard with the home
        /var/lib/near/neard, beside the guard
unused_programs:
  description: Older versions of the daemon that no process runs, and what was compiled from them.
  returned: always
  type: list
  elements: str
keys:
  description: What O(key_paths) contain, by path, as M(validator_ha.near.near_key_info) returns it.
  returned: always
  type: dict
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.near_ha.host.supervisor_host import ARGUMENTS, key, look, other_units


def main() -> None:
    """Entry point."""
    spec: dict[str, Any] = {
        **ARGUMENTS,
        "key_paths": {"type": "list", "elements": "path", "default": [], "no_log": False},
        "known_units": {"type": "list", "elements": "str", "default": []},
    }
    module = AnsibleModule(spec, supports_check_mode=True)
    keys = {path: key(Path(path)) for path in module.params["key_paths"]}
    others = [starter.facts() for starter in other_units(module.params)]
    module.exit_json(changed=False, keys=keys, other_units=others, **look(module.params))


if __name__ == "__main__":
    main()
