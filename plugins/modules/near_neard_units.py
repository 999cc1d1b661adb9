#!/usr/bin/python
# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0) or, at your choice,
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), which ansible-test wants for modules
"""Ansible module: masks the units that would start a neard beside the guard."""

from __future__ import annotations

DOCUMENTATION = r"""
module: near_neard_units
short_description: Mask units that would start a neard beside the guard
version_added: 0.1.0
description:
  - Finds the units that something starts, as at boot, and that would run neard with the home of an account, or with a
    validator key of that account. They are read from their files, with drop-ins, variables and the scripts that they
    name; those that a timer, a socket or another unit starts count, and instances of templates.
  - Disables and masks them, so that nobody starts them by mistake. A unit file in C(/etc/systemd/system) is in the way
    of that; it is kept beside, with C(.before-near-supervisor) at the end of its name.
  - A unit that runs is not stopped, and its neard is not ended. The module then fails before it changes anything.
options:
  account_id:
    description: The validator's account.
    type: str
    required: true
  home:
    description: The home directory of neard under the guard.
    type: path
    required: true
  key_paths:
    description: Files with the validator key, if it is known under another account's name too.
    type: list
    elements: path
    default: []
  known_units:
    description: Units to leave alone.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    platforms: linux
author:
  - The validator_ha.near contributors (@validator-ha)
"""

EXAMPLES = r"""
- name: Have nothing else start neard with the validator key
  validator_ha.near.near_neard_units:
    account_id: my.pool.near
    home: /var/lib/near/neard
"""

RETURN = r"""
masked:
  description: The units that were masked, or would be, each with its file, what starts it, and why.
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
"""

import os
import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.near_ha.host import neard_units, nixos_system, supervisor_host

PLACE = Path("/etc/systemd/system")
KEPT = ".before-near-supervisor"
TIMEOUT_S = 60
# What systemd says of a unit that does nothing now.
_IDLE = ("", "inactive", "failed")


def obstacle(starter: neard_units.Starter) -> str:
    """Why a unit cannot be masked here; empty where it can be."""
    if starter.elsewhere:
        return f"It is no unit of the system: {starter.elsewhere}"
    if nixos_system.is_here():
        return "On NixOS units are the system's, and cannot be masked here: take it out of the configuration"
    (shown,) = supervisor_host.units(starter.unit)
    if shown.get("ActiveState", "") not in _IDLE:
        words = "Find out whether its neard signs, and stop it"
        return f"It is {shown['ActiveState']}. {words}: systemctl stop {starter.unit}"
    return ""


def mask(unit: str) -> None:
    """Disables the unit and puts the mask in its place. Raises OSError."""
    # One of a generator, or one that only a timer starts, has nothing to disable.
    subprocess.run(["systemctl", "disable", unit], capture_output=True, check=False, timeout=TIMEOUT_S)
    path = PLACE / unit
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        path.rename(path.with_name(path.name + KEPT))
    PLACE.mkdir(parents=True, exist_ok=True)
    path.symlink_to(os.devnull)


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "account_id": {"type": "str", "required": True},
            "home": {"type": "path", "required": True},
            "key_paths": {"type": "list", "elements": "path", "default": [], "no_log": False},
            "known_units": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    found = supervisor_host.other_units(module.params)
    result: dict[str, Any] = {"changed": bool(found), "masked": [starter.facts() for starter in found]}
    stopped = [f"{starter}. {words}" for starter in found if (words := obstacle(starter))]
    if stopped:
        module.fail_json(msg=". ".join(stopped), **{**result, "changed": False, "masked": []})
    if found and not module.check_mode:
        try:
            for starter in found:
                mask(starter.unit)
            subprocess.run(["systemctl", "daemon-reload"], capture_output=True, check=False, timeout=TIMEOUT_S)
        except (OSError, subprocess.SubprocessError) as error:
            module.fail_json(msg=f"{found[0].unit} and others could not be masked: {error}", **result)
        left = supervisor_host.other_units(module.params)
        if left:
            module.fail_json(msg=f"Masked, and yet there: {'; '.join(map(str, left))}. Disable it by hand", **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
