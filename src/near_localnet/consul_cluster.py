"""Three Consul servers on loopback addresses of their own."""

from __future__ import annotations

import http.client
import json
import sys
from pathlib import Path
from typing import Any

from near_localnet import processes
from near_localnet.consul_ports import closed_ports
from near_localnet.layout import CONSUL_PORT, CONSUL_SERVERS, Layout
from near_localnet.ports import Port

ASK_TIMEOUT_S = 1.0
PORTS = {"http": 8500, "server RPC": 8300, "serf LAN": 8301}


def configuration(layout: Layout, server: str, consul: Path) -> dict[str, Any]:
    """The agent's configuration. Persistent, quick at elections, never leaving the cluster when stopped."""
    address = layout.consul_address(server)
    return {
        "server": True,
        "bootstrap_expect": len(CONSUL_SERVERS),
        # A server that was away stays a voter; see roles/consul.
        "autopilot": {"min_quorum": len(CONSUL_SERVERS)},
        "node_name": server,
        "bind_addr": address,
        "client_addr": address,
        "advertise_addr": address,
        "retry_join": [layout.consul_address(other) for other in CONSUL_SERVERS if other != server],
        "retry_interval": "500ms",
        "leave_on_terminate": False,
        "skip_leave_on_interrupt": True,
        "performance": {
            "raft_multiplier": 1,
            # Without a leader, a request waits inside the server in steps of up to a sixteenth of this; the default
            # of 7 s makes them longer than a client's patience.
            "rpc_hold_timeout": "300ms",
        },
        "ports": closed_ports(consul),
        "disable_update_check": True,
        "disable_remote_exec": True,
        "log_level": "info",
        "data_dir": str(layout.consul / server),
    }


def needed_ports(layout: Layout) -> list[Port]:
    """Every TCP port the servers listen on."""
    return [
        Port(layout.consul_address(server), number, f"{server} ({purpose})")
        for server in CONSUL_SERVERS
        for purpose, number in PORTS.items()
    ]


def start(layout: Layout, server: str, consul: Path) -> None:
    """Starts one server under its keeper; it is not ready when this returns."""
    (layout.consul / server).mkdir(parents=True, exist_ok=True)
    file = layout.consul / f"{server}.json"
    file.write_text(json.dumps(configuration(layout, server, consul), indent=2) + "\n")
    command = [sys.executable, "-m", "near_localnet.keeper", str(consul), "agent", "-config-file", str(file)]
    processes.start(command, data=layout.data, name=server, log=layout.log(server))


def leader(layout: Layout) -> str:
    """Name of the server that leads, by word of the first one that knows; empty if none does."""
    for server in CONSUL_SERVERS:
        try:
            address = ask(layout, server, "/v1/status/leader")
        except (OSError, ValueError, http.client.HTTPException):
            continue
        if isinstance(address, str) and address:
            host = address.partition(":")[0]
            return next((name for name in CONSUL_SERVERS if layout.consul_address(name) == host), address)
    return ""


def ready(layout: Layout) -> bool:
    """Whether all servers are members with a vote, and a consistent read gets through."""
    try:
        peers = ask(layout, CONSUL_SERVERS[0], "/v1/status/peers")
        ask(layout, CONSUL_SERVERS[0], "/v1/kv/?keys&consistent")
    except (OSError, ValueError, http.client.HTTPException):
        return False
    return len(peers) == len(CONSUL_SERVERS)


def ask(layout: Layout, server: str, path: str) -> Any:
    """GET from one server. Raises OSError, ValueError or HTTPException; 404 counts as an empty answer."""
    connection = http.client.HTTPConnection(layout.consul_address(server), CONSUL_PORT, timeout=ASK_TIMEOUT_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status == http.client.NOT_FOUND:
        return []
    if answer.status != http.client.OK:
        raise ValueError(f"{server} answered {answer.status}: {body[:200].decode(errors='replace')}")
    return json.loads(body)
