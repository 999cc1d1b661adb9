"""A host that vanishes without a goodbye: its peers keep dead connections, and refuse what comes with its keys."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from functools import partial

import pytest

from e2e.localnets import SLACK_S, localnet_of_own, simulated_only
from near_ha.records.states import State
from near_localnet import chain
from near_localnet.layout import CHAIN_NODES, SIGNER, Validator
from near_localnet.options import Options
from near_measure.clock import NS, boot_ns, wait_for
from near_measure.stage import Stage

SAID_WITHIN_S = 5.0
BEYOND_LEASE_S = 2.5
RETURN_TIMEOUT_S = 60.0
REFUSED = ("AlreadyConnectedAccount", "dropping a second connection of peer")
"""Because of the validator key, or of the node key that kuutamod lets the hosts share."""
WATCHED_S = 5.0


@pytest.fixture(scope="module", params=["hot"])
def localnet(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Peers that keep one connection per validator key, as a real neard's do."""
    options = Options(block_time_ms=100, strategy=request.param, others_stake=30, key_routing=True)
    with localnet_of_own(options) as stage:
        yield stage


def refusals(stage: Stage) -> int:
    """How often the chain's nodes have refused somebody because of a key."""
    logs = [stage.net.layout.log(node.name).read_text(errors="replace") for node in CHAIN_NODES]
    return sum(log.count(words) for log in logs for words in REFUSED)


def approved(stage: Stage) -> int | None:
    """The height of node0's newest block, if that bears an approval of the pair's validator; else None."""
    order = chain.call(stage.net.layout, CHAIN_NODES[0], "EXPERIMENTAL_validators_ordered", [None])
    block = chain.call(stage.net.layout, CHAIN_NODES[0], "block", {"finality": "optimistic"})
    if not isinstance(order, list) or not isinstance(block, dict):
        return None
    place = [one["account_id"] for one in order].index(SIGNER)
    header = block["header"]
    return int(header["height"]) if header["approvals"][place] is not None else None


def says(stage: Stage, host: Validator, line: str) -> bool:
    """Is ``line`` in the host's metrics?"""
    with urllib.request.urlopen(f"http://{stage.net.layout.metrics_address(host)}/metrics", timeout=5) as answer:
        return line in answer.read().decode().splitlines()


def lose_the_signer(stage: Stage) -> tuple[Validator, Validator, int]:
    """The host that was lost, the one that stood by, and when (boot clock, nanoseconds)."""
    stage.ready_to_take()
    old, standby = stage.roles()
    stage.lose(old)
    return old, standby, boot_ns()


def test_the_standby_signs_over_its_own_connections_and_the_lost_host_comes_back(stage: Stage) -> None:
    pid = stage.neard_pid(stage.roles()[1])
    old, standby, lost = lose_the_signer(stage)
    stage.takeover(standby, lost)
    head = chain.height(stage.net.layout, CHAIN_NODES[0]) or 0
    bound = stage.options.lease_s + BEYOND_LEASE_S + SLACK_S - (boot_ns() - lost) / NS
    assert wait_for(lambda: (approved(stage) or 0) > head, bound), "its approvals are not in the chain's blocks"
    assert stage.neard_pid(standby) == pid, "it was started anew"
    assert wait_for(partial(says, stage, standby, 'near_supervisor_signing{answer="yes"} 1'), SAID_WITHIN_S + SLACK_S)
    # Its own connections are dead, and stand in its way until TCP finds out.
    stage.come_back(old)
    stage.net.wait_state(old.name, State.VOTING, RETURN_TIMEOUT_S)
    stage.require_clean()


@simulated_only
@pytest.mark.parametrize("localnet", ["restart"], indirect=True)
def test_a_successor_that_is_started_with_the_key_is_refused_by_everybody(stage: Stage) -> None:
    """Why ``restart`` is for neards that can do nothing else; kuutamod is the same."""
    before = refusals(stage)
    _old, standby, _lost = lose_the_signer(stage)
    stage.net.wait_state(standby.name, State.VALIDATING, stage.options.lease_s + BEYOND_LEASE_S + 2 * SLACK_S)
    assert wait_for(lambda: refusals(stage) > before, SLACK_S), "nobody refused it"
    said = partial(says, stage, standby, 'near_supervisor_signing{answer="no"} 1')
    assert wait_for(said, SAID_WITHIN_S + SLACK_S), "it does not say that it signs nothing"
    until = boot_ns() + round(WATCHED_S * NS)
    head = chain.height(stage.net.layout, CHAIN_NODES[0])
    assert not wait_for(lambda: boot_ns() < until and approved(stage) is not None, WATCHED_S), "it was heard"
    assert (chain.height(stage.net.layout, CHAIN_NODES[0]) or 0) > (head or 0), "the chain stands still"
    stage.require_clean()
