#!/usr/bin/python
# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0) or, at your choice,
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), which ansible-test wants for modules
"""Ansible module: what Consul agent a host has."""

from __future__ import annotations

DOCUMENTATION = r"""
module: near_consul_info
short_description: Report which Consul agent a host has
version_added: 0.1.0
description:
  - Inspects the program, the unit, the configuration and the addresses of a Consul agent.
  - Secrets are never returned, only digests of them, so that a change can be detected.
options:
  program:
    description: The program C(consul). It need not exist.
    type: path
    required: true
  config_dir:
    description: Where the role keeps the configuration. It need not exist.
    type: path
    required: true
  unit:
    description: The name of the agent's unit.
    type: str
    default: consul.service
  addresses:
    description: Addresses (C(HOST:PORT)) that the agent is to listen on, over TCP.
    type: list
    elements: str
    default: []
  controller_time:
    description: The time of the controller's clock, in seconds since 1970.
    type: float
extends_documentation_fragment:
  - validator_ha.near.attributes.info
  - ansible.builtin.action_common_attributes
attributes:
  platform:
    platforms: linux
author:
  - The validator_ha.near contributors (@validator-ha)
"""

EXAMPLES = r"""
- name: Inspect the Consul agent
  validator_ha.near.near_consul_info:
    program: /usr/local/bin/consul
    config_dir: /etc/consul.d
  register: agent
"""

RETURN = r"""
version:
  description: The version of the program, such as C(1.8.7); empty if the program does not exist or cannot be run.
  returned: always
  type: str
package_missing:
  description: >-
    Whether the host's lists of packages have no package C(consul) to install. Where there are no lists yet, or no APT,
    that is not known, and this is false.
  returned: always
  type: bool
configured:
  description: Whether the role's configuration exists.
  returned: always
  type: bool
running:
  description: Whether the agent's unit is running.
  returned: always
  type: bool
taken_addresses:
  description: Those of O(addresses) that something else listens on. Empty while the agent itself runs.
  returned: always
  type: list
  elements: str
gossip_digest:
  description: A digest of the gossip key in the configuration; empty if there is none.
  returned: always
  type: str
ca_digest:
  description: A digest of the certificate authority in the configuration; empty if TLS is off.
  returned: always
  type: str
server:
  description: Whether the configuration makes the agent a server.
  returned: always
  type: bool
foreign:
  description: Whether the unit runs an agent that the role C(consul) did not start.
  returned: always
  type: bool
acl:
  description: Whether the configuration turns ACLs on.
  returned: always
  type: bool
clock_skew_s:
  description: >-
    How far the host's clock is ahead of O(controller_time), including the time that it took to reach the host;
    0 without O(controller_time).
  returned: always
  type: float
machine:
  description: A value that is the same for all inventory entries that are one machine, until the machine reboots.
  returned: always
  type: str
"""

import errno
import hashlib
import json
import os
import re
import socket
import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._consul_host import STARTED_WITH, runs, sha256, unit_state
from ..module_utils.near_ha.host import machine


def version_of(program: str) -> str:
    """The version that the program prints; empty if it cannot be run."""
    try:
        printed = subprocess.run([program, "version"], capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    found = re.search(r"Consul v(\d+\.\d+\.\d+)", printed)
    return found.group(1) if found else ""


def package_missing() -> bool:
    """Do the lists of packages tell that there is no package to install?"""
    try:
        known = subprocess.run(
            ["apt-cache", "policy", "base-files", "consul"],
            capture_output=True, text=True, timeout=60, check=True, env={**os.environ, "LC_ALL": "C"},
        ).stdout  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return False
    blocks = dict(re.findall(r"^(\S+):\n((?: .*\n?)*)", known, re.MULTILINE))
    # Only a list that was fetched shows a package at an address.
    has_lists = re.search(r"^ +\d+ \w+:", blocks.get("base-files", ""), re.MULTILINE) is not None
    return has_lists and re.search(r"Candidate: (?!\(none\))", blocks.get("consul", "")) is None


def config_of(path: Path) -> dict[str, Any]:
    """A configuration file of the role; empty if it is not there or no JSON."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def is_taken(address: str) -> bool:
    """Whether another socket listens there. An address that is not this host's is free: the agent will say so."""
    host, port = address.rsplit(":", 1)
    host = host.strip("[]")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
            probe.listen(1)
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def main() -> None:
    """Gathers and returns; changes nothing."""
    module = AnsibleModule(
        argument_spec={
            "program": {"type": "path", "required": True},
            "config_dir": {"type": "path", "required": True},
            "unit": {"type": "str", "default": "consul.service"},
            "addresses": {"type": "list", "elements": "str", "default": []},
            "controller_time": {"type": "float"},
        },
        supports_check_mode=True,
    )
    skew_s = machine.clock_skew_s(module.params["controller_time"])
    config_dir = Path(module.params["config_dir"])
    config, secrets = config_of(config_dir / "consul.json"), config_of(config_dir / "secrets.json")
    active = runs(unit_state(module.params["unit"]))
    gossip_key = secrets.get("encrypt", "") if config else ""
    ca_file = config.get("ca_file") or config.get("tls", {}).get("defaults", {}).get("ca_file", "")
    version = version_of(module.params["program"])
    module.exit_json(
        changed=False,
        version=version,
        package_missing=package_missing() if not version else False,
        configured=(config_dir / "consul.json").exists(),
        running=active,
        taken_addresses=[] if active else sorted(filter(is_taken, module.params["addresses"])),
        gossip_digest=hashlib.sha256(gossip_key.encode()).hexdigest() if gossip_key else "",
        ca_digest=sha256(ca_file) if ca_file else "",
        server=bool(config.get("server", False)),
        foreign=active and not Path(STARTED_WITH).exists(),
        acl=bool(config.get("acl", {}).get("enabled", False)),
        clock_skew_s=skew_s,
        machine=machine.identity(),
    )


if __name__ == "__main__":
    main()
