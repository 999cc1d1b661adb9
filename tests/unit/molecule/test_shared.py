"""The pure parts of what the scenarios share."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import evidence
import make_chain
import observer
from neard_sim.verdict import Referee

HOME = "/var/lib/near/neard"


@pytest.mark.parametrize("accounts", [1, 2, 3])
def test_blocks_go_on_while_every_account_is_down(accounts: int) -> None:
    own, others = make_chain.own_nodes(accounts), make_chain.account_names(accounts)
    assert len(others) == accounts
    assert not set(own) & set(others)
    assert 3 * len(own) > 2 * (len(own) + len(others))


def test_boot_nodes_name_two_nodes_by_their_host(tmp_path: Path) -> None:
    for name in ("node0", "node1", "node2"):
        (tmp_path / "homes" / name).mkdir(parents=True)
        (tmp_path / "homes" / name / "node_key.json").write_text(json.dumps({"public_key": f"ed25519:{name}"}))
    found = make_chain.boot_nodes(tmp_path, ["node0", "node1", "node2"], "chain")
    assert found == "ed25519:node0@chain:24550,ed25519:node1@chain:24551"


def test_units_are_read_from_a_listing() -> None:
    listing = "consul.service loaded active running Consul\n\nnear-guard@a.b.service loaded failed failed Guard\n"
    assert evidence.units(listing) == ["consul.service", "near-guard@a.b.service"]


@pytest.mark.parametrize(
    ("words", "is_one"),
    [
        (["/opt/neard", "--home", HOME, "run", "--boot-nodes", "x"], True),
        (["python3", "/usr/local/bin/neard", "--home", HOME, "run"], True),
        (["python3", "/usr/local/bin/neard", "--home", "/elsewhere", "run"], False),
        (["python3", "/usr/local/bin/neard", "--home", HOME, "init"], False),
        (["python3", "guard.py", "--home", HOME, "--", "neard", "run"], False),
        (["python3", "/p/near_guard/__main__.py", "--home", HOME, "--", "neard", "run"], False),
        ([], False),
    ],
)
def test_which_process_is_a_neard(words: list[str], is_one: bool) -> None:
    assert observer.is_neard(words, HOME) == is_one


def line(height: int, boot_ns: int) -> str:
    entry = {"event": "sign", "account": "a", "kind": "approval", "height": height, "content": "c"}
    return json.dumps({**entry, "home": HOME, "pid": 7, "node_id": "n", "wall_ns": 0, "boot_ns": boot_ns}) + "\n"


def judged(logs: dict[str, str]) -> Referee:
    referee = Referee()
    referee.feed(observer.merged(logs).encode())
    return referee


def test_two_hosts_with_the_same_paths_and_pids_are_two_signers() -> None:
    # One after the other at different heights is a failover; the same height from both is what must never be.
    assert judged({"one": line(1, 10), "two": line(2, 20)}).verdict("a").clean
    assert not judged({"one": line(1, 10), "two": line(1, 20)}).verdict("a").clean


def test_logs_are_merged_in_order_of_time_and_half_a_line_is_left_out() -> None:
    text = observer.merged({"one": line(1, 10) + line(3, 30) + '{"event": "si', "two": line(2, 20)})
    assert [json.loads(row)["height"] for row in text.splitlines()] == [1, 2, 3]


def test_waiting_ends_with_what_was_waited_for_and_what_is() -> None:
    def broken() -> bool:
        raise OSError("no such host")

    with pytest.raises(AssertionError, match=r"not within 0\.1 s: peace \(no such host\)\. What is: war"):
        observer.until("peace", 0.1, broken, lambda: "war")
    assert observer.until("peace", 5, lambda: True) < 1
