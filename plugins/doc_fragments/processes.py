# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0) or, at your choice,
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), which ansible-test wants for modules
"""Options of the modules that look at, or exchange, the processes of one account on a host."""

from __future__ import annotations


class ModuleDocFragment:
    """Which account, and where what belongs to it lies."""

    DOCUMENTATION = r"""
options:
  account_id:
    description: The validator's account.
    type: str
    required: true
  home:
    description: The home directory of neard.
    type: path
    required: true
  neard:
    description: The neard program. The default is F(/usr/local/bin/neard), and F(/etc/near/bin/neard) on NixOS.
    type: path
  supervisor_files:
    description: Additional files that the supervisor reads when it starts.
    type: list
    elements: path
    default: []
  run_dir:
    description: The supervisor's run directory. The default is the account's directory below F(/run/near-supervisor).
    type: path
  link:
    description: >-
      The link to the installed version of the daemon. The default is F(/usr/local/bin/near-supervisor), and
      F(/etc/near/bin/near-supervisor) on NixOS.
    type: path
"""
