"""Cut networks and double holders: what a node claims, what it signs, and what the referee sees."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest

from neard_sim import referee
from support.sim_net import Net, running

pytestmark = pytest.mark.integration
CHAIN = ("node0", "node1", "node2")


def test_an_isolated_node_claims_to_be_in_sync_with_a_frozen_head(tmp_path: Path) -> None:
    with running(tmp_path, *CHAIN, "pair1") as net:
        net["pair1"].knobs(partition="all", partition_mode="reset")
        net.until("pair1 has no peers", lambda: net["pair1"].metric("near_peer_connections_total") == 0)
        frozen = net["pair1"].height()
        net.grows("node0", 30)
        assert net["pair1"].height() == frozen
        assert not net["pair1"].syncing()
        assert net["pair1"].metric('near_sync_requirements_current{state="NoPeers"}') == 1
        net.until("/health sees through it", lambda: not _healthy(net, "pair1"))
        net["pair1"].knobs(partition=[])
        net.until("pair1 is back", lambda: net["pair1"].height() > frozen + 30)


def _healthy(net: Net, name: str) -> bool:
    try:
        net[name].get("/health")
    except OSError:
        return False
    return True


def test_a_silent_cut_keeps_the_links_and_swallows_everything(tmp_path: Path) -> None:
    with running(tmp_path, *CHAIN, "pair1") as net:
        peers = net["pair1"].metric("near_peer_connections_total")
        net["pair1"].knobs(partition=["all"], partition_mode="drop")
        net.until("no link works", lambda: "live knobs changed" in net["pair1"].log())
        frozen = net["pair1"].height()
        net.grows("node0", 20)
        assert net["pair1"].height() <= frozen + 1
        assert net["pair1"].metric("near_peer_connections_total") == peers == 3
        net["pair1"].knobs(partition=[])
        net.until("pair1 is back", lambda: net["pair1"].height() > frozen + 20)


def test_one_cut_link_does_not_stop_the_chain(tmp_path: Path) -> None:
    with running(tmp_path, *CHAIN, "pair1") as net:
        net["node0"].knobs(partition=["node1"], partition_mode="reset")
        net.until("the link is gone", lambda: net["node0"].metric("near_peer_connections_total") == 2)
        net.grows("node0", 30)
        net.grows("node1", 10)
        accounts = {item["account_id"] for item in json.loads(net["node0"].get("/network_info"))["active_peers"]}
        assert accounts == {"node2", None}


def test_the_referee_sees_what_a_partitioned_holder_signs(tmp_path: Path) -> None:
    with running(tmp_path, *CHAIN, "pair0", "pair1") as net:
        _arm(net, "pair0")
        net["pair0"].knobs(partition="all")
        net.until("pair0 is cut off", lambda: "live knobs changed" in net["pair0"].log())
        before = len(net.signed("pair0"))
        net.until("pair0 signs on, unseen", lambda: len(net.signed("pair0")) > before + 5)
        assert net.verdict().clean, net.evidence()
        _arm(net, "pair1")
        net.until("the referee convicts", lambda: net.verdict().double_signatures)
        found = net.verdict()
        assert {item.account for item in found.double_signatures} == {"node3"}
        assert {Path(item.first.home).name for item in found.overlaps} == {"pair0"}


def test_two_homes_with_one_key_are_convicted(tmp_path: Path) -> None:
    with running(tmp_path, *CHAIN, "pair0", "pair1") as net:
        _arm(net, "pair0")
        _arm(net, "pair1")
        net.until("the referee convicts", lambda: net.verdict().overlaps and net.verdict().double_signatures)
        assert referee.main([str(net.referee_log)]) == 1
        assert referee.main([str(net.referee_log), "--account", "node0"]) == 0


def test_a_clean_failover_is_measured(tmp_path: Path) -> None:
    with running(tmp_path, *CHAIN, "pair0", "pair1") as net:
        _arm(net, "pair0")
        net.grows("node0", 20)
        net["pair0"].kill()
        _arm(net, "pair1")
        net.until("the new signer approves", lambda: net.signed("pair1"))
        net.grows("node0", 10)
        assert net.verdict().clean, net.evidence()
        (gap,) = referee.gaps(net.referee_log, "node3")
        assert Path(gap.old.home).name == "pair0"
        assert Path(gap.new.home).name == "pair1"
        assert 300 < gap.gap_ms < 2000
        assert gap.heights_missed is not None
        assert gap.heights_missed >= 3


def test_a_stopped_holder_that_wakes_up_is_convicted(tmp_path: Path) -> None:
    with running(tmp_path, *CHAIN, "pair0", "pair1") as net:
        _arm(net, "pair0")
        process = net["pair0"].process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        _arm(net, "pair1")
        net.until("the new signer approves", lambda: net.signed("pair1"))
        assert net.verdict().clean, "a process that stands still has not signed anything"
        process.send_signal(signal.SIGCONT)
        net.until("the referee sees the old holder", lambda: net.verdict().overlaps)


def test_a_second_process_with_one_node_key_gets_no_peers(tmp_path: Path) -> None:
    with running(tmp_path, *CHAIN, "pair0") as net:
        shutil.copy(net["pair0"].home / "node_key.json", net["pair1"].home / "node_key.json")
        net.start("pair1")
        net.until("it is refused", lambda: "dropping a second connection" in net["node0"].log())
        net.until("pair1 answers", net["pair1"].status)
        net.grows("pair0", 10)
        assert net["pair1"].metric("near_peer_connections_total") == 0
        # The same home in a new process is welcome at once.
        net["pair1"].kill()
        net["pair0"].kill()
        net.start("pair0")
        net.until("pair0 is back", lambda: not net["pair0"].syncing())


def _arm(net: Net, name: str) -> None:
    """Restart a pair node with the validator key."""
    net[name].kill()
    net.give_key(name)
    net.start(name)
    net.until(f"{name} is armed", lambda: net[name].status().get("validator_account_id") == "node3")
    net.until(f"{name} signs", lambda: net.signed(name))
