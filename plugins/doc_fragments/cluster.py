# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0) or, at your choice,
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), which ansible-test wants for modules
"""Options of every module that asks a whole cluster."""

from __future__ import annotations


class ModuleDocFragment:
    """By which way, and by what right, the cluster is asked."""

    DOCUMENTATION = r"""
options:
  account_id:
    description:
      - The validator's account.
      - If neither this option, O(run_dir) nor O(consul_url) is given, the host's variable C(supervisor_account_id) is
        used, which is a variable of the role C(supervisor). Without that variable, the option may be omitted if there
        is only one account, on the host or in Consul.
    type: str
  run_dir:
    description:
      - The run directory of the supervisor to ask.
      - The default is the host's variable C(near_run_dir), or else the account's directory below
        F(/run/near-supervisor), where the role C(supervisor) puts it.
    type: path
  consul_url:
    description:
      - Consul agents to ask, such as C(http://localhost:8500). They are tried in order until one answers.
      - Without this option, the module asks the control socket of the supervisor on the host. With it, the module can
        run on any host that reaches Consul, including the controller. Nothing has to run there.
    type: list
    elements: str
requirements:
  - Python 3.10 or later on the host where the module runs, and nothing else.
"""
