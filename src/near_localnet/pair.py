"""The two hosts of the pair: how their supervisors are started, and what they say of themselves."""

from __future__ import annotations

import http.client
import sys
from pathlib import Path
from typing import Any

from near_ha.errors import NearError
from near_ha.transport import control_client
from near_localnet import chain, processes
from near_localnet.layout import ACCOUNT, CONSUL_SERVERS, VALIDATORS, Layout, Validator
from near_localnet.options import Options

ASK_TIMEOUT_S = 1.0


def command(layout: Layout, host: Validator, options: Options) -> list[str]:
    """The supervisor's command line, flag for flag as the kuutamod tutorial has it, and the lease."""
    home = layout.home(host)
    node_key, validator_key = chain.signer_keys(layout)
    arguments = {
        "--neard-home": home,
        "--voter-node-key": home / "voter_node_key.json",
        "--validator-node-key": node_key,
        "--validator-key": validator_key,
        "--near-boot-nodes": chain.boot_nodes(layout, host),
        "--exporter-address": layout.metrics_address(host),
        "--validator-network-addr": f"{layout.address}:{host.validator_port}",
        "--voter-network-addr": f"{layout.address}:{host.voter_port}",
        "--account-id": ACCOUNT,
        "--node-id": host.name,
        "--consul-url": ",".join(layout.consul_url(server) for server in consul_order(host)),
        "--lease": f"{options.lease_s:g}",
        "--strategy": options.strategy,
        "--run-dir": layout.run_dir(host),
    }
    flat = [str(word) for pair in arguments.items() for word in pair]
    # The lease has the name that the tutorial leaves it, kuutamod's default.
    return [str(Path(sys.executable).with_name("near-supervisor")), "run", *flat, "--account-id-differs"]


def consul_order(host: Validator) -> list[str]:
    """All servers, each host beginning with another one, so that no single server is everybody's first."""
    first = VALIDATORS.index(host)
    return [*CONSUL_SERVERS[first:], *CONSUL_SERVERS[:first]]


def start(layout: Layout, host: Validator, options: Options, environ: dict[str, str]) -> None:
    """Starts the supervisor of one host; guard and neard follow from it."""
    log = layout.log(host.name)
    processes.start(command(layout, host, options), data=layout.data, name=host.name, log=log, environ=environ)


def metrics(layout: Layout, host: Validator) -> str:
    """What the supervisor serves to Prometheus; empty if it does not answer."""
    connection = http.client.HTTPConnection(layout.address, host.metrics_port, timeout=ASK_TIMEOUT_S)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()


def status(layout: Layout, host: Validator) -> dict[str, Any] | None:
    """The supervisor's own `/status`; None if it does not answer."""
    try:
        return control_client.call(layout.run_dir(host) / "control.sock", "GET", "/status", timeout=ASK_TIMEOUT_S)
    except NearError:
        return None
