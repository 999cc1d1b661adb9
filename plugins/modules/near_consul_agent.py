#!/usr/bin/python
# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0) or, at your choice,
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), which ansible-test wants for modules
"""Ansible module: starts and restarts a Consul agent without ever costing the cluster its quorum."""

from __future__ import annotations

DOCUMENTATION = r"""
module: near_consul_agent
short_description: Start, restart or wait for a Consul agent
version_added: 0.1.0
description:
  - Starts the agent's unit if it does not run. Restarts it if its program, its configuration or its unit is not the one
    that it was started with.
  - A server is restarted only while all other servers are healthy voters. The module returns when this server is a
    healthy voter again. So C(throttle=1) on the task makes a rolling restart.
  - The leader is left until the end, O(state=ready), so that a rolling restart costs one election.
options:
  state:
    description:
      - C(started) starts the agent without waiting, because a first server is not ready before the others have started.
        It also restarts the agent, unless it is the leader.
      - C(ready) restarts what V(started) left, and waits until the agent knows a leader and, with O(voters), until all
        servers are healthy voters.
      - >-
        C(stoppable) changes nothing. It waits until the other servers are healthy voters, and enough of them without
        this one, so that this host may be stopped for some time. It fails if they are not within O(timeout).
    type: str
    choices: [started, ready, stoppable]
    default: ready
  restart:
    description: Restart the agent even if it runs with the current files.
    type: bool
    default: false
  together:
    description: Restart regardless of the other servers, and do not wait. The cluster has no leader meanwhile.
    type: bool
    default: false
  unit:
    description: The name of the agent's unit.
    type: str
    default: consul.service
  node_name:
    description: The name of this agent in Consul.
    type: str
    required: true
  url:
    description: The URL of this agent's HTTP API.
    type: str
    required: true
  ca_file:
    description: The certificate authority for an C(https) URL.
    type: path
    default: ""
  token:
    description: A token that may read the servers' health, if ACLs are on.
    type: str
    default: ""
  voters:
    description: The number of servers in the cluster, if this agent is one of them; 0 for a client agent.
    type: int
    default: 0
  timeout:
    description: The maximum number of seconds to wait for the cluster, each time.
    type: int
    default: 60
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - validator_ha.near.attributes.consul_host
author:
  - The validator_ha.near contributors (@validator-ha)
"""

EXAMPLES = r"""
- name: Start or restart the servers one after the other
  validator_ha.near.near_consul_agent:
    state: started
    node_name: "{{ inventory_hostname }}"
    url: http://127.0.0.1:8500
    voters: 3
  throttle: 1
"""

RETURN = r"""
actions:
  description: Descriptions of what was done, or would be done.
  returned: always
  type: list
  elements: str
well:
  description:
    - Whether nothing is left to do or to wait for, so that O(state=ready) would return at once. It is false if this was
      not checked, as in check mode.
  returned: always
  type: bool
seconds:
  description: How long the module took.
  returned: always
  type: float
"""

import subprocess
import time

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._consul_host import (
    OK,
    Api,
    Unreachable,
    others_well,
    own_raft_trouble,
    restart_reasons,
    runs,
    systemctl,
    trouble,
    unit_state,
    wait_until_empty,
)
from ..module_utils.near_ha.module_end import Stop


class Agent:
    """The agent of this host, and what is wanted of it."""

    def __init__(self, module: AnsibleModule) -> None:
        self.p = module.params
        self.check = module.check_mode
        self.actions: list[str] = []
        self.well = False
        self.api = Api(self.p["url"], self.p["ca_file"], self.p["token"])

    def act(self, words: str, *command: str) -> None:
        """Notes what is done; does it unless in check mode."""
        self.actions.append(words)
        if not self.check:
            systemctl(*command)

    def run(self) -> None:
        """Everything but the last wait. Raises Stop and subprocess.CalledProcessError."""
        unit = self.p["unit"]
        state = unit_state(unit)
        if state["NeedDaemonReload"] == "yes":
            self.act("read the units again", "daemon-reload")
        if state["UnitFileState"] != "enabled":
            self.act("enable the unit", "enable", unit)
        if not runs(state):
            self.act("start the agent", "start", "--no-block", unit)
            return
        reasons = restart_reasons(state) + (["it was asked for"] if self.p["restart"] else [])
        if not reasons:
            self.well = not self.check and not self.trouble()
        elif not (self.p["state"] == "started" and self.leads()):
            self.restart(unit, "; ".join(reasons))

    def leads(self) -> bool:
        """Whether this server is the leader of others, and so the last to be restarted."""
        if self.p["voters"] <= 1 or self.p["together"] or self.check:
            return False
        try:
            status, me = self.api.ask("GET", "/v1/agent/self")
        except Unreachable:
            return False
        return status == OK and me["Stats"].get("raft", {}).get("state") == "Leader"

    def restart(self, unit: str, why: str) -> None:
        """Restarts it, a server only while the others can do without."""
        words = f"restart the agent, because {why}"
        if self.check or self.p["together"]:
            self.act(words, "restart", "--no-block", unit)
            return
        if self.p["voters"] > 1:
            left = wait_until_empty(self._unsafe, self.p["timeout"])
            if left:
                raise Stop(
                    f"Consul on {self.p['node_name']} has to be restarted, because {why}. It was not: {left}. "
                    "Restarting this server too could cost the cluster its quorum. Bring the others back "
                    f"(`systemctl status {unit}` there), or take a server that is gone for good out of Consul "
                    "(`consul operator raft remove-peer`), and run this again."
                )
        self.act(words, "restart", unit)
        self.wait(f" after its restart ({why})")

    def stoppable(self) -> None:
        """Returns when the cluster can do without this server. Raises Stop. Two servers cannot do without either."""
        voters, name = self.p["voters"], self.p["node_name"]
        if not voters:
            return
        if 2 * (voters - 1) <= voters:
            raise Stop(
                f"Consul has {voters} server(s), and {name} is one of them: without it there is no quorum, every lease "
                "ends, and nobody signs. Have three servers (group consul_servers), each on a host of its own."
            )
        left = wait_until_empty(self._unsafe, self.p["timeout"])
        if left:
            raise Stop(
                f"{name} is a server of Consul, and stays: {left}. Stopping this one too could cost the cluster its "
                f"quorum, and then nobody signs. Bring the others back (`systemctl status {self.p['unit']}` there), or "
                "take a server that is gone for good out of Consul (`consul operator raft remove-peer`), and run this "
                "again."
            )

    def _unsafe(self) -> str:
        """Why a restart would hurt now. An agent that knows no leader is no part of a quorum: nothing to lose."""
        try:
            status, leader = self.api.ask("GET", "/v1/status/leader")
            if status == OK and leader:
                return others_well(self.api, self.p["voters"], self.p["node_name"])
        except Unreachable:
            return ""
        return ""

    def trouble(self) -> str:
        """Why agent and cluster are not well; empty if they are."""
        voters = self.p["voters"]
        return (own_raft_trouble(self.api) if voters else "") or trouble(self.api, voters)

    def wait(self, when: str) -> None:
        """Returns when agent and cluster are well. Raises Stop."""
        left = wait_until_empty(self.trouble, self.p["timeout"])
        if left:
            raise Stop(
                f"Consul on {self.p['node_name']} is not ready{when} within {self.p['timeout']} s: {left}. "
                f"`journalctl -u {self.p['unit']}` on this host says more; when it is mended, run this again."
            )


def main() -> None:
    """Does what is asked for, and says what it did."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["started", "ready", "stoppable"], "default": "ready"},
            "restart": {"type": "bool", "default": False},
            "together": {"type": "bool", "default": False},
            "unit": {"type": "str", "default": "consul.service"},
            "node_name": {"type": "str", "required": True},
            "url": {"type": "str", "required": True},
            "ca_file": {"type": "path", "default": ""},
            "token": {"type": "str", "default": "", "no_log": True},
            "voters": {"type": "int", "default": 0},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    agent = Agent(module)
    began = time.monotonic()
    try:
        if module.params["state"] == "stoppable":
            agent.stoppable()
            agent.well = True
        else:
            agent.run()
        if module.params["state"] == "ready" and not module.check_mode:
            agent.wait("")
            agent.well = True
    except Stop as stop:
        module.fail_json(msg=str(stop), actions=agent.actions)
    except subprocess.SubprocessError as error:
        said = (getattr(error, "stderr", None) or str(error)).strip()
        module.fail_json(
            msg=f"systemd could not {agent.actions[-1]} ({module.params['unit']}): {said}", actions=agent.actions
        )
    seconds = round(time.monotonic() - began, 1)
    module.exit_json(changed=bool(agent.actions), actions=agent.actions, well=agent.well, seconds=seconds)


if __name__ == "__main__":
    main()
