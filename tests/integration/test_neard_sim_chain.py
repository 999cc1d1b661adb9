"""The chain of simulated nodes: pace, dead producers, restarts, catching up, epochs."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path
from time import monotonic

import pytest

from neard_sim import referee
from support.sim_net import BLOCK_MS, Net, running

pytestmark = pytest.mark.integration
CHAIN = ("node0", "node1", "node2")
ALL = (*CHAIN, "node3")


def _timestamps(net: Net, name: str, first: int, last: int) -> dict[int, int]:
    found = {}
    for height in range(first, last + 1):
        try:
            header = net[name].call("block", {"block_id": height})["header"]
        except OSError:
            continue
        found[height] = header["timestamp"]
    return found


def test_four_producers_make_one_block_per_min_delay(tmp_path: Path) -> None:
    with running(tmp_path, *ALL) as net:
        start, began = net["node0"].height(), monotonic()
        net.grows("node0", 60)
        heights, elapsed = net["node0"].height() - start, monotonic() - began
        pace = elapsed / heights * 1000
        assert pace > BLOCK_MS * 0.9, f"{pace} ms per height\n{net.evidence()}"
        stamps = list(_timestamps(net, "node0", start + 1, start + 50).values())
        steps = [later - earlier for earlier, later in itertools.pairwise(stamps)]
        assert sorted(steps)[len(steps) // 2] == BLOCK_MS * 1_000_000, steps
        head = net["node1"].call("block", {"finality": "final"})["header"]
        assert sum(item is not None for item in head["approvals"]) >= 3
        assert net.verdict().clean, net.evidence()


def test_heights_of_a_dead_producer_are_skipped_and_the_pace_stays(tmp_path: Path) -> None:
    with running(tmp_path, *CHAIN) as net:
        start = net["node0"].height()
        net.grows("node0", 60)
        made = sorted(_timestamps(net, "node0", start + 1, start + 60).items())
        # A height that is skipped costs the max delay, which is twice the min delay here, and what follows of it. The
        # fastest counts: a busy machine makes some of them later.
        skipped = [after[1] - before[1] for before, after in itertools.pairwise(made) if after[0] - before[0] == 2]
        assert skipped, net.evidence()
        assert min(skipped) < BLOCK_MS * 4 * 1_000_000, f"{min(skipped) / 1e6} ms\n{net.evidence()}"
        validators = net["node0"].call("validators", [None])["current_validators"]
        produced = {item["account_id"]: item["num_produced_blocks"] for item in validators}
        expected = {item["account_id"]: item["num_expected_blocks"] for item in validators}
        assert produced["node3"] == 0
        assert expected["node3"] >= 10
        assert produced["node1"] >= 10
        seats = [item["account_id"] for item in net["node0"].call("EXPERIMENTAL_validators_ordered", [None])]
        approvals = net["node0"].call("block", {"finality": "final"})["header"]["approvals"]
        assert approvals[seats.index("node3")] is None
        assert all(approvals[seats.index(name)] for name in CHAIN)


def test_without_two_thirds_of_the_stake_the_chain_stands_and_then_goes_on(tmp_path: Path) -> None:
    with running(tmp_path, *CHAIN) as net:
        net["node2"].kill()
        stopped = net["node0"].height()
        net.until(
            "votes for later and later heights", lambda: net["node0"].metric("near_largest_target_height") > stopped + 4
        )
        assert net["node0"].height() <= stopped + 2
        net.start("node2")
        net.grows("node0", 10)
        assert net.verdict().clean, net.evidence()


def test_sigkill_leaves_a_usable_directory_and_the_node_catches_up(tmp_path: Path) -> None:
    with running(tmp_path, *ALL, "pair0") as net:
        net["node2"].kill()
        signed = max(entry["height"] for entry in net.signed("node2") if entry["kind"] == "approval")
        marks = json.loads((net["node2"].home / "data/watermarks").read_text())
        assert marks["largest_target_height"] >= signed
        net.grows("node0", 20)
        net.start("node2")
        net.until("node2 answers", lambda: net["node2"].height() >= 0)
        net.until("node2 is in sync", lambda: not net["node2"].syncing())
        assert abs(net["node2"].height() - net["node0"].height()) <= 10
        net.until("node2 signs again", lambda: max(item["height"] for item in net.signed("node2")) > signed + 15)
        assert net.verdict().clean, net.evidence()
        assert [gap.is_restart for gap in referee.gaps(net.referee_log, "node2", restarts=True)] == [True]


def test_a_restarted_signer_signs_within_a_moment_of_its_rpc(tmp_path: Path) -> None:
    with running(tmp_path, *CHAIN, "pair0") as net:
        net["pair0"].kill()
        net.give_key("pair0")
        net.grows("node0", 20)
        net.start("pair0")
        net.until("RPC is up", net["pair0"].status)
        head = net["node0"].height()
        net.until("pair0 approves", lambda: any(item["kind"] == "approval" for item in net.signed("pair0")))
        first = min(item["height"] for item in net.signed("pair0") if item["kind"] == "approval")
        assert first <= head + 40, net.evidence()


def test_a_late_node_downloads_at_the_ordered_rate_and_shows_it(tmp_path: Path) -> None:
    with running(tmp_path, *ALL) as net:
        net.grows("node0", 60, timeout_s=15)
        net["pair1"].knobs(sync_rate_blocks_per_s=60, stale_reset_epochs=0)
        net.start("pair1")
        net.until("pair1 syncs", lambda: 0 < net["pair1"].height() < net["node0"].height() - 10)
        assert net["pair1"].syncing()
        assert net["pair1"].metric("near_sync_status") in (4, 7)
        net.until("pair1 is in sync", lambda: not net["pair1"].syncing(), timeout_s=30)


def test_a_node_older_than_all_history_takes_the_state_of_a_peer(tmp_path: Path) -> None:
    with running(tmp_path, *ALL) as net:
        for name in ALL:
            net[name].kill()
            net[name].knobs(history_blocks=20)
        net.start(*ALL)
        net.grows("node0", 60, timeout_s=20)
        net.start("pair1")
        net.until("pair1 is in sync", lambda: not net["pair1"].syncing(), timeout_s=15)
        assert "state sync done" in net["pair1"].log()
        net.grows("pair1", 5)


def test_a_stale_node_wipes_its_data_and_starts_over_under_its_pid(tmp_path: Path) -> None:
    with running(tmp_path, *ALL, "pair1", epoch_length=15) as net:
        net["pair1"].kill()
        net.grows("node0", 50)
        process = net["pair1"].start()
        net.until("pair1 is in sync", lambda: not net["pair1"].syncing(), timeout_s=15)
        assert process.poll() is None
        assert "resetting its data" in net["pair1"].log()
        net.grows("pair1", 5)


def test_a_validator_that_misses_too_much_is_kicked_out_two_epochs_later(tmp_path: Path) -> None:
    with running(tmp_path, *CHAIN, epoch_length=20, kickout=50) as net:
        net.until("epoch 2", lambda: net["node0"].height() > 41, timeout_s=15)
        found = net["node0"].call("validators", [None])
        assert [item["account_id"] for item in found["current_validators"]] == list(CHAIN), found
        # Without the dead one every height has a block again.
        start = net["node0"].height()
        net.grows("node0", 8)
        assert len(_timestamps(net, "node0", start, start + 7)) == 8


def test_a_node_with_the_lag_knob_stays_behind_until_it_is_turned_off(tmp_path: Path) -> None:
    with running(tmp_path, *ALL, "pair1") as net:
        net["pair1"].knobs(lag_heights=15)
        net.until("pair1 says that it is behind", net["pair1"].syncing)
        net.grows("pair1", 5)
        assert 10 <= net["node0"].height() - net["pair1"].height() <= 25
        net["pair1"].knobs(lag_heights=0)
        net.until("pair1 is in sync", lambda: not net["pair1"].syncing())


def test_a_key_that_is_not_the_registered_one_aborts_the_node(tmp_path: Path) -> None:
    with running(tmp_path, *CHAIN) as net:
        net.neard("--home", str(tmp_path / "other"), "init", "--account-id", "node3")
        shutil.copy(tmp_path / "other/validator_key.json", net["pair0"].home / "validator_key.json")
        process = net["pair0"].start()
        assert process.wait(10) == -6
        assert "validator key mismatch for node3" in net["pair0"].log()
        assert not net.signed("pair0")
