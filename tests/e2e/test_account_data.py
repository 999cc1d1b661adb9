"""After a hand-over the others send what is meant for the validator to its new host, not to the one before."""

from __future__ import annotations

import json

from near_bench.plays_on_request import promoted
from near_localnet import chain
from near_localnet.layout import CHAIN_NODES, Validator
from near_measure.clock import wait_for
from near_measure.stage import Stage

GOSSIP_S = 10.0
"""A node passes another statement about a key on so long after the last one."""


def peer_id(stage: Stage, host: Validator) -> str:
    """The node key with which ``host`` runs."""
    return str(json.loads((stage.net.layout.home(host) / "node_key.json").read_text())["public_key"])


def test_the_signer_before_ends_soon_and_everybody_names_its_successor(stage: Stage) -> None:
    """As long as it runs it contradicts each statement of its successor (H6 of sim-vs-real)."""
    old, new = stage.roles()
    first = stage.neard_pid(old)
    promoted(stage)

    def is_gone() -> bool:
        return all(process.pid != first for process in stage.net.select(old.name, "neard"))

    assert wait_for(is_gone, 2 * stage.options.lease_s), f"{old.name} still has the neard that signed"
    names = peer_id(stage, new)
    assert wait_for(
        lambda: {chain.signer_peer(stage.net.layout, node) for node in CHAIN_NODES} == {names}, 2.5 * GOSSIP_S
    )
