#!/usr/bin/python
# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0) or, at your choice,
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), which ansible-test wants for modules
"""Ansible module: gives a token of Consul its policies."""

from __future__ import annotations

DOCUMENTATION = r"""
module: near_consul_token
short_description: Give a Consul token its policies
version_added: 0.1.0
description:
  - Creates policies, or sets their rules, and creates a token with a given secret that has these policies.
  - Other policies of the token stay, so that one token can serve several accounts or hosts.
options:
  url:
    description: The URL of an agent's HTTP API.
    type: str
    required: true
  ca_file:
    description: The certificate authority for an C(https) URL.
    type: path
    default: ""
  management_token:
    description: A token that may write ACLs.
    type: str
    required: true
  secret:
    description: The token, a UUID.
    type: str
    required: true
  description:
    description: The description of the token in Consul, if the module creates the token.
    type: str
    default: ""
  policies:
    description: The rules of each policy, by policy name.
    type: dict
    required: true
  timeout:
    description: How many seconds to retry while the servers are still setting up ACLs.
    type: int
    default: 30
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - validator_ha.near.attributes.consul_host
attributes:
  check_mode:
    details: If no agent answers yet, everything counts as missing.
author:
  - The validator_ha.near contributors (@validator-ha)
"""

EXAMPLES = r"""
- name: Allow an agent to register itself
  validator_ha.near.near_consul_token:
    url: http://127.0.0.1:8500
    management_token: "{{ management_token }}"
    secret: "{{ agent_token }}"
    policies:
      agent-host1: node "host1" { policy = "write" }
  no_log: true
"""

RETURN = r"""
made:
  description: What was created or set, or would be.
  returned: always
  type: list
  elements: str
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._consul_host import OK, Api, Unreachable

UNKNOWN_TOKEN = (401, 403, 404)


class AclRefused(Exception):
    """Consul refused; the text is for the operator."""


class Acl:
    """Writes what is missing, or only notes it in check mode."""

    def __init__(self, api: Api, check: bool) -> None:
        self.api, self.check = api, check
        self.made: list[str] = []

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The answer. Raises AclRefused unless Consul says yes."""
        status, answer = self.api.ask(method, path, body)
        if status != OK:
            raise AclRefused(f"{self.api.url} answers {status} to {method} {path}: {answer}")
        return answer

    def policy(self, name: str, rules: str) -> None:
        """Makes it, or sets its rules."""
        known = {policy["Name"]: policy["ID"] for policy in self.ask("GET", "/v1/acl/policies")}
        wanted = {"Name": name, "Rules": rules, "Description": "Made by validator_ha.near"}
        if name in known:
            if self.ask("GET", f"/v1/acl/policy/{known[name]}")["Rules"].strip() == rules.strip():
                return
            path = f"/v1/acl/policy/{known[name]}"
            wanted["ID"] = known[name]
        else:
            path = "/v1/acl/policy"
        self.made.append(f"policy {name}")
        if not self.check:
            self.ask("PUT", path, wanted)

    def token(self, secret: str, description: str, policies: list[str]) -> None:
        """Makes it, or adds policies to it."""
        own = Api(self.api.url, self.api.ca_file, secret)
        status, token = own.ask("GET", "/v1/acl/token/self")
        if status in UNKNOWN_TOKEN:
            token = {"Description": description, "SecretID": secret}
        elif status != OK:
            raise AclRefused(f"{self.api.url} answers {status} when asked for a token: {token}")
        has = [policy["Name"] for policy in token.get("Policies") or []]
        missing = [name for name in policies if name not in has]
        if not missing or "global-management" in has:
            return
        self.made.append(f"token with {', '.join(missing)}")
        if self.check:
            return
        token["Policies"] = [{"Name": name} for name in has + missing]
        path = f"/v1/acl/token/{token['AccessorID']}" if "AccessorID" in token else "/v1/acl/token"
        self.ask("PUT", path, token)


def main() -> None:
    """Tries until the servers have set up their ACLs, then says what was made."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "ca_file": {"type": "path", "default": ""},
            "management_token": {"type": "str", "required": True, "no_log": True},
            "secret": {"type": "str", "required": True, "no_log": True},
            "description": {"type": "str", "default": ""},
            "policies": {"type": "dict", "required": True},
            "timeout": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    params = module.params
    acl = Acl(Api(params["url"], params["ca_file"], params["management_token"]), module.check_mode)
    end = time.monotonic() + params["timeout"]
    while True:
        try:
            for name, rules in params["policies"].items():
                acl.policy(name, rules)
            acl.token(params["secret"], params["description"], list(params["policies"]))
            break
        except (Unreachable, AclRefused) as trouble:
            if module.check_mode:
                module.exit_json(changed=True, made=[f"policy {name}" for name in params["policies"]])
            if time.monotonic() > end:
                module.fail_json(
                    msg=f"Consul's ACLs cannot be set: {trouble}. If its management token is not the one of this "
                    "cluster, give the right one as consul_acl_management_token."
                )
            time.sleep(1)
    module.exit_json(changed=bool(acl.made), made=acl.made)


if __name__ == "__main__":
    main()
