#!/usr/bin/python
# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0) or, at your choice,
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), which ansible-test wants for modules
"""Module near_key_info: the public part of NEAR key files on a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: near_key_info
short_description: Inspect NEAR key files on a host without showing a secret
version_added: 0.1.0
author:
  - The validator_ha.near contributors (@validator-ha)
description:
  - Reports for each file whether it exists, and whose public key it contains.
  - A secret key is read to check that it belongs to the public key. It is never returned, logged or quoted in an error.
options:
  paths:
    description: The key files.
    type: list
    elements: path
    required: true
extends_documentation_fragment:
  - validator_ha.near.attributes.info
"""

EXAMPLES = r"""
- name: Inspect the validator key
  validator_ha.near.near_key_info:
    paths:
      - /etc/near/supervisor/my.pool.near/validator_key.json
"""

RETURN = r"""
keys:
  description: What was found, by path.
  returned: always
  type: dict
  sample:
    /etc/near/validator_key.json:
      exists: true
      link: false
      account_id: my.pool.near
      public_key: ed25519:6DSjZ8mvsRZDvFqFxo8tCKePG96omXW7eVYVSySmDk8e
      error: ""
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.near_ha.host.supervisor_host import key


def main() -> None:
    """Entry point."""
    module = AnsibleModule({"paths": {"type": "list", "elements": "path", "required": True}}, supports_check_mode=True)
    module.exit_json(changed=False, keys={path: key(Path(path)) for path in module.params["paths"]})


if __name__ == "__main__":
    main()
