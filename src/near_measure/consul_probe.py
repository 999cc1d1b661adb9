"""Asks Consul itself whether it takes writes: the measure of when it is back."""

from __future__ import annotations

import http.client
import json
from typing import Any

from near_ha.records import consul_keys
from near_localnet import consul_cluster
from near_localnet.layout import ACCOUNT, CONSUL_PORT, CONSUL_SERVERS, Layout
from near_measure.clock import NS, boot_ns, polls

PROBE_KEY = "near-bench/probe"
TIMEOUT_S = 0.3


def first_write_ns(layout: Layout, timeout_s: float) -> int | None:
    """When the first write through any of the servers was confirmed; None if none was within `timeout_s`."""
    for number, _turn in enumerate(polls(boot_ns() + round(timeout_s * NS))):
        if _write(layout, CONSUL_SERVERS[number % len(CONSUL_SERVERS)]):
            return boot_ns()
    return None


def _write(layout: Layout, server: str) -> bool:
    connection = http.client.HTTPConnection(layout.consul_address(server), CONSUL_PORT, timeout=TIMEOUT_S)
    try:
        connection.request("PUT", f"/v1/kv/{PROBE_KEY}", body=b"x")
        answer = connection.getresponse()
        return answer.status == http.client.OK and answer.read().strip() == b"true"
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def lease_entry(layout: Layout) -> dict[str, Any] | None:
    """The lease's entry as Consul stores it (its value still in base64); None when there is none, or no answer."""
    for server in CONSUL_SERVERS:
        try:
            found = consul_cluster.ask(layout, server, f"/v1/kv/{consul_keys.leader(ACCOUNT)}")
        except (OSError, ValueError, http.client.HTTPException):
            continue
        return found[0] if found else None
    return None


def lease_text(layout: Layout) -> str:
    """The same for people, on one line."""
    entry = lease_entry(layout)
    return json.dumps(entry) if entry else "no lease record, or no Consul that answers"
