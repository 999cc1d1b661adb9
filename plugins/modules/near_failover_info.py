#!/usr/bin/python
# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0) or, at your choice,
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), which ansible-test wants for modules
"""Ansible module: who validates, who could take over, and what stands against it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: near_failover_info
short_description: Report who validates, who could take over, and what prevents it
version_added: 0.1.0
author:
  - The validator_ha.near contributors (@validator-ha)
description:
  - Reads the state of one account's cluster, through the control socket of the host's supervisor or from Consul. The
    module only reads.
extends_documentation_fragment:
  - validator_ha.near.cluster
  - validator_ha.near.consul
  - validator_ha.near.attributes.info
seealso:
  - module: validator_ha.near.near_failover
"""

EXAMPLES = r"""
- name: Get the current validator
  validator_ha.near.near_failover_info:
    account_id: my.pool.near
  register: cluster

- name: Show the current validator
  ansible.builtin.debug:
    msg: "{{ cluster.leader.node_id if cluster.leader else 'nobody' }} validates"

- name: Do the same for two accounts, from a controller that reaches Consul
  validator_ha.near.near_failover_info:
    account_id: "{{ item }}"
    consul_url: https://consul-1.example.com:8501
    consul_token_file: /etc/near/consul_token
  loop: [my.pool.near, other.pool.near]
  delegate_to: localhost
"""

RETURN = r"""
account_id:
  description: The account.
  returned: always
  type: str
leader:
  description:
    - The member that validates, and what its last heartbeat said. C(alive) is false if it has fallen silent since.
    - C(signs_nothing) is true if the member says that nothing that it signs arrives.
    - Null after a clean release, and if nobody has ever validated.
  returned: always
  type: dict
  sample:
    member_id: validator-1
    node_id: validator-1
    hostname: host-a
    term: 7
    lease_ms: 10000
    height: 190000123
    state: Validating
    alive: true
    signs_nothing: false
lease:
  description: The last record of the lease, whoever wrote it; null if there is none.
  returned: always
  type: dict
members:
  description:
    - Every host of the cluster and what it reports about itself.
    - >-
      C(starting) is true for a node that starts and is no member of the cluster yet. It is never C(ready), and
      C(reason) says what it waits for.
    - C(reason) says why the host is not C(ready) to take over.
    - >-
      C(reasons) lists the names of all reasons against a takeover, including those that do not prevent one (C(disk),
      C(version), ...). It is empty for a host that is gone.
  returned: always
  type: list
  elements: dict
  sample:
    - member_id: validator-2
      node_id: validator-2
      hostname: host-b
      alive: true
      starting: false
      validator: false
      state: Voting
      ready: true
      reason: ""
      reasons: [disk]
      height: 190000120
      lease_ms: 10000
      priority: 100
paused:
  description: Whether the cluster is paused, and if so, who paused it, why and when (milliseconds since 1970).
  returned: always
  type: dict
  sample: {paused: false, by: "", reason: "", at_ms: 0}
request:
  description: >-
    The last switchover that was requested, with its C(phase) and whether it is C(open); null if there was none.
  returned: always
  type: dict
history:
  description:
    - The last changes of the validator, oldest first, each with its kind, its reason and how long nobody signed.
    - >-
      C(last_words) is what its neard said before it ended by itself (its panic, or its last errors), in one line of at
      most 500 characters, without anything that looks like a secret; empty if it did not.
  returned: always
  type: list
  elements: dict
warnings:
  description: Problems between hosts, such as two neards with the same node key, and what to do about them.
  returned: when there are any
  type: list
  elements: str
problems:
  description: Entries in Consul that cannot be read and count as missing.
  returned: always
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.near_ha.module_end import run_module
from ..module_utils.near_ha.operator import cluster_options
from ..module_utils.near_ha.transport.choice import open_way


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={**cluster_options.ARGUMENTS},
        mutually_exclusive=cluster_options.MUTUALLY_EXCLUSIVE,
        required_together=cluster_options.REQUIRED_TOGETHER,
        required_by=cluster_options.REQUIRED_BY,
        supports_check_mode=True,
    )
    run_module(module, lambda: {"changed": False, **open_way(cluster_options.from_module(module.params)).look()})


if __name__ == "__main__":
    main()
