#!/usr/bin/python
# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0) or, at your choice,
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), which ansible-test wants for modules
"""Ansible module: what a host offers to a neard, and which neard runs there."""

from __future__ import annotations

DOCUMENTATION = r"""
module: near_node_info
short_description: Report the state of a neard and its home
version_added: 0.1.0
description:
  - Inspects the home of a neard, the disk that it is on, the addresses that neard is to listen on, and kernel settings.
  - Reports which neard runs on the home, and whether it was started before its program or configuration was replaced.
  - Asks that neard for its state, whether it is in sync, and what the chain counted for an account in this epoch.
options:
  path:
    description: The home directory of neard. It need not exist.
    type: path
    required: true
  stamps:
    description:
      - Files that neard must be newer than, such as its program and the stamp of M(validator_ha.near.near_config).
    type: list
    elements: path
    default: []
  addresses:
    description: Addresses (C(HOST:PORT)) that a neard is to listen on.
    type: list
    elements: str
    default: []
  kernel_settings:
    description: Kernel settings and the values that they should have, such as C(net.core.rmem_max).
    type: dict
    default: {}
  genesis_checksum:
    description: Whether to hash C(genesis.json), which of some chains is gigabytes.
    type: bool
    default: false
  ask:
    description: Whether to ask the running neard, over its RPC.
    type: bool
    default: true
  rpc_addr:
    description: The address of its RPC, as C(HOST:PORT). The default is the address in config.json.
    type: str
  account_id:
    description: The account whose figures for this epoch are wanted. Without it, the figures are not requested.
    type: str
  free_heights:
    description: >-
      Wait until O(account_id) makes neither a block nor a chunk for at least this many heights, from the next one on.
      Without effect if the account does not validate, or if neard does not report it.
    type: int
    default: 0
  patience:
    description: For how many seconds to wait at most. Then the module succeeds with what it saw last.
    type: int
    default: 120
  packages:
    description: Debian packages that must be installed.
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
- name: Check whether neard must be restarted
  validator_ha.near.near_node_info:
    path: /var/lib/near/neard
    stamps: [/usr/local/bin/neard, /var/lib/near/neard/restart.stamp]
  register: node

- name: Check on a node that does not sign whether the chain has blocks, chunks and endorsements of the account
  validator_ha.near.near_node_info:
    path: /var/lib/near/neard
    account_id: my.pool.near
  register: node
"""

RETURN = r"""
rpc:
  description:
    - What the running neard says about itself. C(synced) is not what neard says but follows the supervisor's rule, as
      far as a single check can tell. C(reason) says what is missing.
    - Null if neard was not asked, or does not answer; then RV(rpc_silent) says why.
  returned: always
  type: dict
  sample:
    height: 190000120
    head_age_s: 0.412
    syncing: false
    peers: 38
    synced: true
    reason: ""
    version: 2.10.0
    build: 2.10.0
    protocol_version: 83
    latest_protocol_version: 83
    chain_id: mainnet
    uptime_s: 81234
    validator_account_id: null
    validator_public_key: null
rpc_silent:
  description: Why neard did not answer when it was asked; empty if it did.
  returned: always
  type: str
epoch:
  description:
    - What the chain has counted for O(account_id) since the epoch began, and whether the account validates in the next
      epoch. C(kicked_out) says why it no longer does. A count is null if the account does not validate, or if neard
      does not report it.
    - C(free_heights) says for how many heights, from the next one on, the account makes neither a block nor a chunk;
      null if neard does not report it.
    - Null if it was not requested, or if neard does not answer.
  returned: always
  type: dict
  sample:
    account_id: my.pool.near
    epoch_height: 3012
    epoch_start_height: 189988000
    validates: true
    validates_next: true
    public_key: ed25519:DcA2MzgpJbrUATQLLceocVckhhAqrkingax4oJ9kZ847
    kicked_out: null
    blocks_produced: 41
    blocks_expected: 41
    chunks_produced: 160
    chunks_expected: 161
    endorsements_produced: 11876
    endorsements_expected: 11880
    free_heights: 14
initialised:
  description: Whether the home has a config.json.
  returned: always
  type: bool
boot_nodes:
  description: How many boot nodes C(config.json) names.
  returned: always
  type: int
data_path:
  description: The path where the database is, or will be.
  returned: always
  type: str
data_empty:
  description: Whether the database is still empty.
  returned: always
  type: bool
free_bytes:
  description: Free space for the database.
  returned: always
  type: int
genesis_chain_id:
  description: The chain that genesis.json names near its beginning; empty if there is none.
  returned: always
  type: str
genesis_checksum:
  description: SHA-256 of genesis.json, as C(sha256:HEX); empty if there is none, or without O(genesis_checksum).
  returned: always
  type: str
left_key:
  description: A validator key that is in the home as a file, in human-readable form; empty if there is none.
  returned: always
  type: str
taken_addresses:
  description: Those of O(addresses) that cannot be listened on now, each with the reason.
  returned: always
  type: list
  elements: str
pid:
  description: The pid of the process that has the database open; 0 if there is none.
  returned: always
  type: int
started:
  description: When that process started, in seconds since 1970; 0 if there is none.
  returned: always
  type: float
restart_needed:
  description: Whether the running neard is older than one of O(stamps).
  returned: always
  type: bool
restart_reasons:
  description: Those of O(stamps) that are newer than the running neard.
  returned: always
  type: list
  elements: str
kernel_differing:
  description: Those of O(kernel_settings) that now have another value, except those that this kernel does not know.
  returned: always
  type: list
  elements: str
kernel_writable:
  description: Whether kernel settings can be changed here. In most containers they cannot.
  returned: always
  type: bool
packages_missing:
  description: Those of O(packages) that are not installed.
  returned: always
  type: list
  elements: str
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
import os
import re
import socket
import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.near_ha.host import machine, neard_home, neard_probe, processes
from ..module_utils.near_ha.module_end import run_module

PORTS = 1 << 16


def free_bytes(path: Path) -> int:
    """Free space, for users that are not root, where ``path`` is or will be."""
    while not path.exists():
        path = path.parent
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def checksum(path: Path) -> str:
    """SHA-256 of a file; empty if there is none."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except FileNotFoundError:
        return ""
    return f"sha256:{digest.hexdigest()}"


def refusal(address: str) -> str | None:
    """Why ``address`` cannot be listened on; None if it can."""
    host, _colon, port = address.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdecimal() or int(port) >= PORTS:
        return "it should look like 127.0.0.1:3030"
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Connections of the past do not count, a listener does.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            taken = {errno.EADDRINUSE: "another program listens there", errno.EADDRNOTAVAIL: "no address of this host"}
            return taken.get(error.errno or 0, error.strerror or str(error))
    return None


def kernel_differing(wanted: dict[str, Any]) -> list[str]:
    """The names whose value is not the wanted one; blanks count as one. What this kernel does not show is left out."""
    found = []
    for name, value in wanted.items():
        try:
            present = Path("/proc/sys", *name.split(".")).read_text().split()
        except OSError:
            continue
        if present != str(value).split():
            found.append(name)
    return found


def chain_id(genesis: Path) -> str:
    """The chain of a genesis file, from its beginning: the whole of it may be very large."""
    try:
        with genesis.open("rb") as file:
            found = re.search(rb'"chain_id"\s*:\s*"([^"]*)"', file.read(1 << 16))
    except FileNotFoundError:
        return ""
    return found.group(1).decode(errors="replace") if found else ""


def boot_nodes(config: dict[str, Any]) -> int:
    """How many it names: they are one text, with commas."""
    network = config.get("network")
    named = network.get("boot_nodes") if isinstance(network, dict) else None
    return len([node for node in named.split(",") if node.strip()]) if isinstance(named, str) else 0


def packages_missing(names: list[str]) -> list[str]:
    """Those that dpkg does not have, which is all of them where there is no dpkg."""
    if not names:
        return []
    command = ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *names]
    try:
        shown = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout
    except (OSError, subprocess.TimeoutExpired):
        return names
    there = {line.partition(" ")[0] for line in shown.splitlines() if line.endswith(" installed")}
    return [name for name in names if name not in there]


def run(params: dict[str, Any]) -> dict[str, Any]:
    """Look; the module's result."""
    skew_s = machine.clock_skew_s(params["controller_time"])
    home = Path(params["path"])
    config = neard_home.read_config(home)
    data = neard_home.data_dir(home, config)
    pid = neard_home.lock_holder(data / "LOCK")
    started = processes.started_at(pid) if pid else None
    reasons = neard_home.newer_than([Path(stamp) for stamp in params["stamps"]], started) if started else []
    left = neard_home.left_key(home, config)
    refused = {address: refusal(address) for address in params["addresses"]}
    genesis = neard_home.named(home, config, "genesis_file", "genesis.json")
    return {
        "changed": False,
        **(neard_probe.awaited(params, config) if params["ask"] else neard_probe.NOT_ASKED),
        "initialised": bool(config),
        "boot_nodes": boot_nodes(config),
        "data_path": str(data),
        "data_empty": neard_home.is_empty(data),
        "free_bytes": free_bytes(data),
        "genesis_chain_id": chain_id(genesis),
        "genesis_checksum": checksum(genesis) if params["genesis_checksum"] else "",
        "left_key": str(left) if left else "",
        "taken_addresses": [f"{address} ({reason})" for address, reason in refused.items() if reason],
        "pid": pid or 0,
        "started": started or 0.0,
        "restart_needed": bool(reasons),
        "restart_reasons": reasons,
        "kernel_differing": kernel_differing(params["kernel_settings"]),
        "kernel_writable": os.access("/proc/sys/net/ipv4/tcp_congestion_control", os.W_OK),
        "packages_missing": packages_missing(params["packages"]),
        "clock_skew_s": skew_s,
        "machine": machine.identity(),
    }


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "stamps": {"type": "list", "elements": "path", "default": []},
            "addresses": {"type": "list", "elements": "str", "default": []},
            "genesis_checksum": {"type": "bool", "default": False},
            "ask": {"type": "bool", "default": True},
            "rpc_addr": {"type": "str"},
            "account_id": {"type": "str"},
            "free_heights": {"type": "int", "default": 0},
            "patience": {"type": "int", "default": 120},
            "kernel_settings": {"type": "dict", "default": {}},
            "packages": {"type": "list", "elements": "str", "default": []},
            "controller_time": {"type": "float"},
        },
        supports_check_mode=True,
    )
    run_module(module, lambda: run(module.params))


if __name__ == "__main__":
    main()
