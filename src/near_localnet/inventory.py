"""The pair as an Ansible inventory, so that the modules and README's commands for day two can be tried on it."""

from __future__ import annotations

import json
import sys
from typing import Any

from near_localnet.layout import ACCOUNT, CONSUL_SERVERS, VALIDATORS, Layout

GROUP = "validators"


def names() -> dict[str, str]:
    """What README calls the hosts: validator1 and so on, and who that is here."""
    return {f"validator{number}": validator.name for number, validator in enumerate(VALIDATORS, 1)}


def inventory(layout: Layout) -> str:
    """YAML, as far as JSON is. Both hosts are this machine; what tells them apart is their run directory."""
    hosts: dict[str, Any] = {
        name: {"near_run_dir": str(layout.run_dir(validator).resolve()), "supervisor_node_id": validator.name}
        for name, validator in zip(names(), VALIDATORS, strict=True)
    }
    variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "supervisor_account_id": ACCOUNT,
        "supervisor_consul_url": ",".join(layout.consul_url(server) for server in CONSUL_SERVERS),
    }
    return json.dumps({GROUP: {"hosts": hosts, "vars": variables}}, indent=2) + "\n"
