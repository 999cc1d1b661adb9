"""Where messages for a validator key go: one connection per key at each peer, dead links, AccountData and its delay."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from neard_sim.default_config import duration
from support.sim_net import Net

pytestmark = pytest.mark.integration
CHAIN = ("node0", "node1", "node2")
REFUSALS = "near_already_connected_account"
SILENT = "closing a link on which nothing arrives"


@contextlib.contextmanager
def pair_of(root: Path, *, key_routing: bool, connect_ms: int = 200) -> Iterator[Net]:
    """The chain, pair0 with the key of node3, and pair1 that is ready to take it."""
    net = Net(root)
    names = (*CHAIN, "pair0", "pair1")
    for name in names:
        net[name].knobs(key_routing=key_routing)
        net[name].edit("config.json", lambda document: _tune(document, connect_ms))
    net.give_key("pair0")
    try:
        net.start(*names)
        for name in names:
            net.follows(name)
        net.until("pair0 makes blocks", lambda: made(net) > 2)
        yield net
    finally:
        net.close()


def _tune(document: dict[str, Any], connect_ms: int) -> None:
    document["network"].setdefault("tier1", {})["connect_interval"] = duration(connect_ms)
    document["tracked_shards_config"] = {"ShadowValidator": "node3"}


def seat(net: Net) -> dict[str, Any]:
    """What node0 counted of node3."""
    seats = net["node0"].call("validators", [None])["current_validators"]
    return next(dict(one) for one in seats if one["account_id"] == "node3")


def made(net: Net) -> int:
    """Blocks of node3 on the chain."""
    return int(seat(net)["num_produced_blocks"])


def network(net: Net, name: str) -> dict[str, Any]:
    """The network as the debug page of a node shows it."""
    status = json.loads(net[name].get("/debug/api/status"))
    return dict(status["detailed_debug_status"]["network_info"])


def peer_id(net: Net, name: str) -> str:
    """The node key of a node."""
    return str(json.loads((net[name].home / "node_key.json").read_text())["public_key"])


def told(net: Net, name: str) -> dict[str, Any]:
    """What a node believes about the key of node3; empty if nothing."""
    key = json.loads((net.root / "node3/validator_key.json").read_text())["public_key"]
    return next((dict(one) for one in network(net, name)["tier1_accounts_data"] if one["account_key"] == key), {})


def shows(net: Net, name: str, holder: str) -> bool:
    """Whether a node takes ``holder`` for the one that has the key of node3."""
    return told(net, name).get("peer_id") == peer_id(net, holder)


def routed(net: Net, holder: str) -> bool:
    """Whether node0 has a connection registered for the key of ``holder``."""
    return peer_id(net, holder) in {one["peer_id"] for one in network(net, "node0")["tier1_connections"]}


def swap(net: Net, name: str) -> None:
    """SIGHUP, until it is done."""
    process = net[name].process
    assert process is not None
    process.send_signal(signal.SIGHUP)
    has_key = (net[name].home / "validator_key.json").exists()

    def done() -> bool:
        status = net[name].status()
        return bool(status) and (status["validator_public_key"] is not None) == has_key

    net.until(f"{name} has done as its files say", done)


def dead_links_close_after(net: Net, ms: int) -> None:
    """The knob, on the nodes that have links to the pair."""
    for name in CHAIN:
        net[name].knobs(link_dead_after_ms=ms)


def test_a_key_of_a_host_that_froze_is_refused_until_its_link_is_given_up(tmp_path: Path) -> None:
    with pair_of(tmp_path, key_routing=True) as net:
        process = net["pair0"].process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        net["pair1"].kill()
        net.give_key("pair1")
        net.start("pair1")
        net.until("node0 refuses it again and again", lambda: net["node0"].metric(REFUSALS) > 3)
        refused = [line for line in net["node0"].log().splitlines() if "AlreadyConnectedAccount" in line]
        assert f"id={peer_id(net, 'pair1')}" in refused[0]
        assert f"peer_id: {peer_id(net, 'pair0')}" in refused[0]
        assert routed(net, "pair0")
        before = made(net)
        net.grows("node0", 12)
        assert made(net) == before
        assert SILENT not in net["node0"].log()
        dead_links_close_after(net, 500)
        net.until("node0 takes it", lambda: routed(net, "pair1"))
        assert SILENT in net["node0"].log()
        net.until("its blocks are on the chain", lambda: made(net) > before + 2)


def lose(net: Net, name: str) -> None:
    """The host vanishes: nothing from or to it arrives any more, and then its process is gone."""
    before = _knobs_taken(net)
    for node in CHAIN:
        net[node].knobs(partition=name)
    net.until("nobody hears it", lambda: all(now > then for now, then in zip(_knobs_taken(net), before, strict=True)))
    net[name].kill()


def _knobs_taken(net: Net) -> list[int]:
    return [net[node].log().count("live knobs changed") for node in CHAIN]


def test_a_lost_host_says_nothing_and_holds_its_keys_and_one_that_runs_already_gets_past_it(tmp_path: Path) -> None:
    with pair_of(tmp_path, key_routing=True) as net:
        lose(net, "pair0")
        before = made(net)
        # Started with the key after the loss: nobody takes it.
        net["pair1"].kill()
        net.give_key("pair1")
        net.start("pair1")
        net.until("node0 refuses it again and again", lambda: net["node0"].metric(REFUSALS) > 3)
        assert routed(net, "pair0")
        assert made(net) == before
        # Started without it: taken by everybody, so that its votes arrive once it has the key.
        net["pair1"].kill()
        net.take_key("pair1")
        net.start("pair1")
        net.follows("pair1")
        net.give_key("pair1")
        swap(net, "pair1")
        order = [one["account_id"] for one in net["node0"].call("EXPERIMENTAL_validators_ordered", [None])]

        def counted() -> bool:
            block = net["node0"].call("block", {"finality": "optimistic"})
            return block["header"]["approvals"][order.index("node3")] is not None

        net.until("its votes are in blocks", counted)
        dead_links_close_after(net, 500)
        net.until("node0 gives the lost one up", lambda: not routed(net, "pair0"))


def test_a_lost_host_that_returns_meets_its_own_dead_connections_for_as_long_as_it_was_away(tmp_path: Path) -> None:
    with pair_of(tmp_path, key_routing=True) as net:
        net["pair1"].kill()
        lose(net, "pair0")
        net.take_key("pair0")
        net.grows("node0", 40)
        for node in CHAIN:
            net[node].knobs(partition="")
        net.start("pair0")
        net.until("node0 refuses it", lambda: "dropping a second connection" in net["node0"].log())
        net.follows("pair0")


def test_after_the_death_of_the_process_the_next_holder_is_taken_at_once(tmp_path: Path) -> None:
    with pair_of(tmp_path, key_routing=True) as net:
        net["pair0"].kill()
        net["pair1"].kill()
        net.give_key("pair1")
        net.start("pair1")
        before = made(net)
        net.until("its blocks are on the chain", lambda: made(net) > before + 2)
        assert routed(net, "pair1")
        assert net["node0"].metric(REFUSALS) == 0
        assert SILENT not in net["node0"].log()
        assert net.verdict().clean


def test_a_hot_swap_behind_a_dead_link_votes_but_gets_no_votes(tmp_path: Path) -> None:
    with pair_of(tmp_path, key_routing=True) as net:
        net["pair0"].knobs(partition="all")
        net.until("pair0 is cut off", lambda: "live knobs changed" in net["pair0"].log())
        before = made(net)
        net.give_key("pair1")
        swap(net, "pair1")
        net.until("node0 refuses its key", lambda: net["node0"].metric(REFUSALS) > 0)
        signed = len(net.signed("pair1"))
        net.until("it votes", lambda: len(net.signed("pair1")) > signed + 20)
        order = [one["account_id"] for one in net["node0"].call("EXPERIMENTAL_validators_ordered", [None])]

        def counted() -> bool:
            block = net["node0"].call("block", {"finality": "optimistic"})
            return block["header"]["approvals"][order.index("node3")] is not None

        net.until("its votes are in blocks", counted)
        assert made(net) <= before + 1, "one may have been under way"
        assert not routed(net, "pair1")
        assert int(net["pair1"].metric("near_peer_connections_total")) >= len(CHAIN)
        dead_links_close_after(net, 500)
        net.until("its blocks are on the chain", lambda: made(net) > before + 4)
        assert routed(net, "pair1")


def test_a_key_given_up_by_a_running_node_stays_registered_for_a_while(tmp_path: Path) -> None:
    with pair_of(tmp_path, key_routing=True, connect_ms=2000) as net:
        net.take_key("pair0")
        swap(net, "pair0")
        # The swap protects nobody: a height that pair0 has signed must be past before pair1 signs.
        net.grows("node0", 3)
        net.give_key("pair1")
        swap(net, "pair1")
        net.until("node0 refuses its key", lambda: net["node0"].metric(REFUSALS) > 0)
        assert routed(net, "pair0")
        before = made(net)
        net.until("its blocks are on the chain", lambda: made(net) > before + 2)
        assert routed(net, "pair1")
        assert not routed(net, "pair0")
        assert net.verdict().clean, net.evidence()


def test_others_learn_of_a_promotion_after_the_delay(tmp_path: Path) -> None:
    with pair_of(tmp_path, key_routing=False) as net:
        net.until("node0 knows of pair0", lambda: shows(net, "node0", "pair0"))
        item = told(net, "node0")
        assert item["proxies"] == [{"addr": _address(net, "pair0"), "peer_id": peer_id(net, "pair0")}]
        net["pair0"].kill()
        net["pair1"].knobs(account_data_delay_ms=1500)
        net.until("pair1 has the knob", lambda: "live knobs changed" in net["pair1"].log())
        net.give_key("pair1")
        swap(net, "pair1")
        assert shows(net, "node0", "pair0"), "nobody has been told yet"
        net.until("node0 knows of pair1", lambda: shows(net, "node0", "pair1"))
        assert told(net, "node0") == told(net, "pair1")
        assert told(net, "node0")["timestamp"] > item["timestamp"]
        assert net["node0"].metric(REFUSALS) == 0


def test_what_is_not_yet_told_costs_a_promoted_node_its_blocks(tmp_path: Path) -> None:
    with pair_of(tmp_path, key_routing=True) as net:
        net["pair0"].kill()
        net["pair1"].knobs(account_data_delay_ms=30_000)
        net.until("pair1 has the knob", lambda: "live knobs changed" in net["pair1"].log())
        before = made(net)
        net.give_key("pair1")
        swap(net, "pair1")
        net.until("it votes", lambda: len(net.signed("pair1")) > 20)
        assert not routed(net, "pair1")
        assert made(net) <= before + 1, "one may have been under way"


def test_two_live_holders_overrule_each_other(tmp_path: Path) -> None:
    with pair_of(tmp_path, key_routing=False) as net:
        net.give_key("pair1")
        swap(net, "pair1")
        seen: set[int] = set()

        def goes_on() -> bool:
            seen.add(told(net, "node0")["timestamp"])
            return len(seen) > 2

        # Each answers the other within milliseconds, and tells the chain's nodes of it once in ten seconds.
        net.until("there is another statement again and again", goes_on, timeout_s=40)
        assert told(net, "node0")["peer_id"] in {peer_id(net, "pair0"), peer_id(net, "pair1")}


def _address(net: Net, name: str) -> str:
    return str(json.loads((net[name].home / "config.json").read_text())["network"]["addr"])
