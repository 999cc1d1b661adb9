"""Somebody follows the old kuutamod tutorial with our programs in the place of kuutamod's, flag by flag."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from e2e.hand_started import HandStarted, program
from near_ha.records import consul_keys
from near_localnet import chain, pair
from near_localnet.layout import ACCOUNT, CONSUL_PORT, CONSUL_SERVERS, SIGNER, VALIDATORS, Layout, Validator
from near_measure.clock import boot_ns, wait_for
from near_measure.stage import Stage

STATE_TIMEOUT_S = 40.0
"""kuutamod's default lease is ten seconds, and a lease without any record is waited out."""
FAILOVER_S = 5.0
GIVEN = "was given the validator key while it runs"
HOMES = Path("near", "localnet")
"""The tutorial speaks of paths relative to where one is."""


@pytest.fixture
def empty(stage: Stage, by_hand: HandStarted) -> Iterator[Stage]:
    """The chain without the pair, and a Consul that knows of no lease; in the end, too: its lease was a longer one."""
    for host in VALIDATORS:
        stage.net.stop(host.name)
    forget_lease(stage.net.layout)
    yield stage
    by_hand.end()
    forget_lease(stage.net.layout)


def test_tutorial(empty: Stage, by_hand: HandStarted) -> None:
    layout = empty.net.layout
    validator, failover = VALIDATORS
    first = by_hand.start(validator, [program("kuutamod"), *keys(layout, validator)], as_defaults(layout, validator))
    require_soon(lambda: shows(layout, validator, state("Validating")), STATE_TIMEOUT_S)
    addresses = ["--exporter-address", layout.metrics_address(failover)]
    addresses += ["--validator-network-addr", f"{layout.address}:{failover.validator_port}"]
    addresses += ["--voter-network-addr", f"{layout.address}:{failover.voter_port}"]
    environ = {"KUUTAMO_CONSUL_URL": layout.consul_url(CONSUL_SERVERS[0])}
    by_hand.start(failover, [program("kuutamod"), *addresses, *keys(layout, failover)], environ)
    require_soon(lambda: shows(layout, failover, state("Voting")), STATE_TIMEOUT_S)
    assert shows(layout, validator, state("Validating"))
    # As kuutamod counted: the standby that it had been was stopped to become the validator.
    assert shows(layout, validator, "kuutamod_neard_restarts 1")
    assert_keys(layout, validator, failover)
    assert active_validator(layout) == "Name: node\n"

    size = layout.log(failover.name).stat().st_size
    since = boot_ns()
    first.send_signal(signal.SIGINT)  # Ctrl-C
    assert first.wait(STATE_TIMEOUT_S) == 0
    require_soon(lambda: shows(layout, failover, state("Validating")), STATE_TIMEOUT_S)
    gap = empty.takeover(failover, since)
    print(f"nobody signed for {gap:.2f} s")
    assert gap <= FAILOVER_S
    # Not with the key, as kuutamod did: that went to a neard that ran, in the validator's place.
    assert GIVEN in layout.log(failover.name).read_bytes()[size:].decode()
    assert listens(layout.address, failover.validator_port)
    assert not listens(layout.address, failover.voter_port)
    assert active_validator(layout) == "Name: node\n"

    by_hand.start(validator, [program("kuutamod"), *keys(layout, validator)], as_defaults(layout, validator))
    require_soon(lambda: shows(layout, validator, state("Voting")), STATE_TIMEOUT_S)
    assert shows(layout, failover, state("Validating"))
    assert_keys(layout, failover, validator)
    empty.require_clean()


def keys(layout: Layout, host: Validator) -> list[str]:
    return [
        "--neard-home", f"{HOMES / host.home_name}/",
        "--voter-node-key", str(HOMES / host.home_name / "voter_node_key.json"),
        "--validator-node-key", str(HOMES / SIGNER / "node_key.json"),
        "--validator-key", str(HOMES / SIGNER / "validator_key.json"),
        "--near-boot-nodes", chain.boot_nodes(layout, host),
    ]  # fmt: skip


def as_defaults(layout: Layout, host: Validator) -> dict[str, str]:
    """The tutorial's first node relies on defaults that the whole machine shares; variables keep this test apart."""
    return {
        "KUUTAMO_CONSUL_URL": layout.consul_url(CONSUL_SERVERS[0]),
        "KUUTAMO_EXPORTER_ADDRESS": layout.metrics_address(host),
        "KUUTAMO_VALIDATOR_NETWORK_ADDR": f"{layout.address}:{host.validator_port}",
        "KUUTAMO_VOTER_NETWORK_ADDR": f"{layout.address}:{host.voter_port}",
    }


def forget_lease(layout: Layout) -> None:
    connection = http.client.HTTPConnection(layout.consul_address(CONSUL_SERVERS[0]), CONSUL_PORT, timeout=5)
    connection.request("DELETE", f"/v1/kv/{consul_keys.leader(ACCOUNT)}")
    assert connection.getresponse().read().strip() == b"true"
    connection.close()


def require_soon(true: Callable[[], bool], timeout_s: float) -> None:
    assert wait_for(true, timeout_s, poll_s=0.1), f"not within {timeout_s:g} s"


def state(name: str) -> str:
    return f'kuutamod_state{{type="{name}"}} 1'


def shows(layout: Layout, host: Validator, line: str) -> bool:
    """What `curl -s …/metrics | grep LINE` would find."""
    return line in pair.metrics(layout, host).splitlines()


def listens(address: str, port: int) -> bool:
    """Does somebody take connections there?"""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((address, port)) == 0


def assert_keys(layout: Layout, validator: Validator, standby: Validator) -> None:
    """Links to the shared keys in the validator's home; in the standby's, its own node key and no key that signs."""
    home, other = layout.home(validator), layout.home(standby)
    for name, target in zip(("node_key.json", "validator_key.json"), chain.signer_keys(layout), strict=True):
        assert (home / name).is_symlink()
        assert (home / name).resolve() == target
    assert (other / "node_key.json").is_symlink()
    assert (other / "node_key.json").resolve() == other / "voter_node_key.json"
    assert not (other / "validator_key.json").is_symlink()
    assert not (other / "validator_key.json").exists()


def active_validator(layout: Layout) -> str:
    command = [program("kuutamoctl"), "--consul-url", layout.consul_url(CONSUL_SERVERS[0]), "active-validator"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
