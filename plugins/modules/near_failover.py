#!/usr/bin/python
# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0) or, at your choice,
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), which ansible-test wants for modules
"""Ansible module: change who validates, or keep it from changing by itself."""

from __future__ import annotations

DOCUMENTATION = r"""
module: near_failover
short_description: Change the validator, or keep it from changing by itself
version_added: 0.1.0
author:
  - The validator_ha.near contributors (@validator-ha)
description:
  - Hands the validator over to another host. At no moment do two hosts sign. The host that signs checks the other one
    before it stops, and takes its role back if the other one does not take over.
  - If nobody signs any more, V(promote) decides who is next. It waits for the end of the lease like any failover.
  - Promoting the host that already validates, demoting a host that does not validate, or pausing a paused cluster
    changes nothing. If somebody else asked for the same a moment before, the module waits for that request and makes no
    new one.
  - The action may be given as a single word, as in C(ansible validator2 -m near_failover -a promote), optionally
    followed by a node.
options:
  action:
    description:
      - V(promote) makes O(node) the validator.
      - V(demote) makes O(node) hand over to the best standby, if O(node) validates.
      - V(pause) keeps the roles from changing by themselves until V(resume). A failed validator is then not replaced.
        Two hosts still never sign at once.
      - V(cancel) cancels a switchover that was requested and has not begun.
    type: str
    choices: [promote, demote, pause, resume, cancel]
    required: true
  node:
    description:
      - The node to act on, as a node id, member id or host name.
      - Through the control socket, the default is the host itself. With O(consul_url), the default for V(promote) is
        the host on which the module runs, if it is a member, and the default for V(demote) is the current validator.
    type: str
  reason:
    description: The reason, for the log and the history. One line of at most 500 characters.
    type: str
    default: ""
  asked_by:
    description: >-
      Who makes the request, for the log and the history, in at most 100 characters. The default is the user on the
      controller.
    type: str
  wait:
    description: Whether to wait until the new validator signs or the attempt fails.
    type: bool
    default: true
  timeout:
    description:
      - The maximum total time, in seconds. A switchover ends by itself before that, successfully or not, because each
        of its two phases (until the validator accepts it, and until the other host signs) may take two fifths of it.
      - It must be longer than a start of neard, and longer than the lease.
    type: int
    default: 150
  force:
    description:
      - Promote a node that is not ready (it takes over when it is ready, or gives up), or switch over while the cluster
        is paused.
      - This costs time, never safety. Nothing skips the lease, and nothing promotes a node with another key.
    type: bool
    default: false
  now:
    description:
      - Hand over at once. Otherwise the validator waits, up to a fifth of O(timeout), for heights at which it has no
        block and no chunk to produce, long enough for the handover. If there are none in that time, it hands over
        anyway.
    type: bool
    default: false
  ignore_doppelganger:
    description:
      - With O(action=promote), sign even though the blocks of the chain show that somebody else signs with the
        validator's key. Otherwise a node that sees this holds the lease and waits.
      - This risks two signers. Use it only for a key that you know to be nowhere else. It is recorded in the history.
    type: bool
    default: false
  record_key_file:
    description:
      - With O(consul_url), the file with the key that signs what is written to Consul, 64 hexadecimal digits or the
        validator's key, mode 0400. If the supervisors of the account sign their records, they follow only signed
        records.
      - The control socket needs no key file, because the supervisor behind it signs.
    type: path
extends_documentation_fragment:
  - validator_ha.near.cluster
  - validator_ha.near.consul
attributes:
  check_mode:
    description: Reports what would happen, and fails if the request would be refused. Nothing is written.
    support: full
  diff_mode:
    description: Shows who validates and whether the cluster is paused, before and after.
    support: full
notes:
  - Only one host can be promoted in a play, unless O(node) names it. C(-m near_failover -a promote) against a group of
    several hosts is refused.
seealso:
  - module: validator_ha.near.near_failover_info
"""

EXAMPLES = r"""
- name: Make this host the validator
  validator_ha.near.near_failover:
    action: promote
    reason: new kernel on the other one

- name: Check what would happen, or why not, from a controller that reaches Consul
  validator_ha.near.near_failover:
    action: promote
    node: validator-2
    account_id: my.pool.near
    consul_url: [https://consul-1.example.com:8501, https://consul-2.example.com:8501]
    consul_token: "{{ vaulted_consul_token }}"
    consul_ca_file: /etc/ssl/consul-ca.pem
  delegate_to: localhost
  check_mode: true

- name: Hand over before this host is shut down, if it validates
  validator_ha.near.near_failover:
    action: demote
    timeout: 300

- name: Prevent failover while Consul is being moved
  validator_ha.near.near_failover:
    action: pause
    reason: Consul moves to other machines
"""

RETURN = r"""
msg:
  description: The outcome, or why there is none.
  returned: always
  type: str
  sample: validator-2 hands over from validator-1 (term 8)
account_id:
  description: The account whose cluster was asked.
  returned: when it could be asked
  type: str
leader_before:
  description: The node id of the validator before the change; empty if there was none.
  returned: when it could be asked
  type: str
leader_after:
  description: The node id of the validator afterwards. In check mode, as it would be.
  returned: when it could be asked
  type: str
paused_before:
  description: Whether the cluster was paused before the change.
  returned: when it could be asked
  type: bool
paused_after:
  description: Whether the cluster is paused afterwards. In check mode, as it would be.
  returned: when it could be asked
  type: bool
term:
  description: The term of the last validator that was seen. It grows with each change.
  returned: when it could be asked
  type: int
gap_ms:
  description: For how many milliseconds nobody signed, as seen by the new validator; null if not known.
  returned: when it could be asked
  type: int
request:
  description: The id of the switchover, as in the history and the logs; empty if none was requested.
  returned: when it could be asked
  type: str
phase:
  description: The phase of the switchover, V(asked), V(accepted), V(done) or V(failed); empty if there is none.
  returned: when it could be asked
  type: str
note:
  description: What the validator said about the heights at which it hands over or waits to hand over; empty if nothing.
  returned: when it could be asked
  type: str
steps:
  description: The observed events, each with its time in seconds since the module started.
  returned: when it could be asked
  type: list
  elements: dict
  sample:
    - at_s: 0.012
      text: "asked: validator-1 hands over to validator-2"
    - at_s: 0.123
      text: "accepted: validator-1 hands over to validator-2"
code:
  description: >-
    The kind of failure, V(refused), V(switchover_failed), V(timeout), V(consul_unknown), V(consul_refused), V(control)
    or V(bad_config).
  returned: on failure
  type: str
"""

from collections import deque
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.near_ha.errors import NearError
from ..module_utils.near_ha.operator import cluster_options, report
from ..module_utils.near_ha.operator.failover_client import DEFAULT_TIMEOUT_S, Failover, Known, Patience, request_of
from ..module_utils.near_ha.operator.request import Verb
from ..module_utils.near_ha.transport.choice import open_way

ARGUMENTS: dict[str, dict[str, Any]] = {
    "action": {"type": "str", "choices": [verb.value for verb in Verb], "required": True},
    "node": {"type": "str"},
    "reason": {"type": "str", "default": ""},
    "asked_by": {"type": "str"},
    "wait": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": DEFAULT_TIMEOUT_S},
    "force": {"type": "bool", "default": False},
    "now": {"type": "bool", "default": False},
    "ignore_doppelganger": {"type": "bool", "default": False},
    "record_key_file": {"type": "path", "no_log": False},
}


def result(known: Known) -> dict[str, Any]:
    """What is returned, well or not."""
    before = report.state(known.leader_before, known.paused_before)
    after = report.state(known.leader_after, known.paused_after)
    return {**known.as_result(), "diff": {"before": before, "after": after}}


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={**ARGUMENTS, **cluster_options.ARGUMENTS},
        mutually_exclusive=cluster_options.MUTUALLY_EXCLUSIVE,
        required_together=cluster_options.REQUIRED_TOGETHER,
        required_by={**cluster_options.REQUIRED_BY, "record_key_file": ["consul_url"]},
        supports_check_mode=True,
    )
    params, known = module.params, {}
    verb = Verb(params["action"])
    try:
        wanted = request_of(
            verb,
            params["node"] or "",
            by=params["asked_by"] or "Ansible",
            reason=params["reason"],
            force=params["force"],
            now=params["now"],
            ignore_doppelganger=params["ignore_doppelganger"],
            timeout_s=params["timeout"],
        )
        failover = Failover(open_way(cluster_options.from_module(params)))
        try:
            steps = failover.run(wanted, Patience(params["wait"], params["timeout"]), check=module.check_mode)
            deque(steps, maxlen=0)
        finally:
            known = result(failover.known)
    except NearError as error:
        module.fail_json(**{**known, "msg": str(error), "code": error.code})
    module.exit_json(**known)


if __name__ == "__main__":
    main()
