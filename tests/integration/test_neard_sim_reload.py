"""SIGHUP on a running node: files read anew, all or none; the validator key taken, kept or given up."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator

import pytest

from support.sim_net import Net, running

pytestmark = pytest.mark.integration
BROKEN = "dynamically updatable configs are not valid"


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    """Three chain nodes that keep running."""
    with running(tmp_path_factory.mktemp("net"), "node0", "node1", "node2") as net:
        net["pair0"].edit("config.json", lambda document: document.update(tracked_shards_config=shadow()))
        yield net


@pytest.fixture
def pair(net: Net) -> Iterator[Net]:
    """The network, with a pair0 that is stopped, has no key and no knobs, before and after."""
    yield net
    node = net["pair0"]
    node.kill()
    for name in ("sim.json", "validator_key.json", "log", "log_config.json"):
        (node.home / name).unlink(missing_ok=True)
    node.edit("config.json", lambda document: document.update(tracked_shards_config=shadow()))


def shadow() -> dict[str, str]:
    """What a standby for node3 tracks."""
    return {"ShadowValidator": "node3"}


def up(net: Net) -> None:
    """pair0 runs, in sync."""
    net["pair0"].start()
    net.follows("pair0")


def reload(net: Net) -> None:
    """SIGHUP for pair0."""
    process = net["pair0"].process
    assert process is not None
    process.send_signal(signal.SIGHUP)


def shown(net: Net) -> object:
    """The key that pair0 says it has."""
    return net["pair0"].status().get("validator_public_key")


def said(net: Net, text: str) -> None:
    """Waits for a line of pair0's log."""
    net.until(f"{text!r} in the log", lambda: text in net["pair0"].log())


def test_a_node_that_is_told_to_panics_a_while_after_it_has_the_key(pair: Net) -> None:
    pair["pair0"].knobs(panic_with_key_ms=500)
    up(pair)
    pair.grows("pair0", 10)
    pair.give_key("pair0")
    reload(pair)
    process = pair["pair0"].process
    assert process is not None
    pair.until("it panics", lambda: process.poll() is not None)
    assert process.returncode == -signal.SIGABRT
    assert "panicked at" in pair["pair0"].log()
    assert pair.signed("pair0")


def test_a_key_put_in_place_is_taken_by_sighup_and_signs(pair: Net) -> None:
    up(pair)
    assert shown(pair) is None
    others = len(pair.signed("pair0"))
    pair.give_key("pair0")
    pair.grows("pair0", 3)
    assert len(pair.signed("pair0")) == others, "a file alone does nothing"
    reload(pair)
    pair.until("the key shows", lambda: shown(pair))
    pair.until("it signs", lambda: len(pair.signed("pair0")) > others)
    said(pair, "hot loading validator key validator_file=")
    said(pair, 'field_name="validator_signer" old_value=None new_value=Some(node3)')
    assert pair["pair0"].metric("near_config_reloads_total") == 2

    def blocks() -> int:
        seats = pair["node0"].call("validators", [None])["current_validators"]
        return next(int(seat["num_produced_blocks"]) for seat in seats if seat["account_id"] == "node3")

    before = blocks()
    pair.until("its blocks are on the chain", lambda: blocks() > before + 2)
    assert pair.verdict().clean


def test_it_is_taken_up_within_a_second_and_not_before_it_is_told(pair: Net) -> None:
    pair["pair0"].knobs(reload_apply_ms=700)
    up(pair)
    pair.give_key("pair0")
    reload(pair)
    said(pair, "hot loading validator key")
    assert shown(pair) is None
    pair.until("the key shows", lambda: shown(pair), 2)


def test_a_key_taken_away_does_not_show_but_signs_what_is_under_way(pair: Net) -> None:
    pair["pair0"].knobs(removal_keeps_signing_ms=600)
    pair.give_key("pair0")
    up(pair)
    pair.until("it signs", lambda: pair.signed("pair0"))
    pair.take_key("pair0")
    reload(pair)
    pair.until("the key does not show", lambda: shown(pair) is None and pair["pair0"].status())
    then = len(pair.signed("pair0"))
    pair.until("it signs all the same", lambda: len(pair.signed("pair0")) > then, 2)
    said(pair, "no validator key validator_file=")

    def dropped() -> bool:
        home = str(pair["pair0"].home.resolve())
        ours = [line for line in pair.referee_log.read_text().splitlines() if home in line]
        return '"event":"drop"' in ours[-1]

    pair.until("it has let go", dropped)
    last = len(pair.signed("pair0"))
    pair.grows("pair0", 10)
    assert len(pair.signed("pair0")) == last


def test_a_version_that_cannot_give_up_a_key_keeps_it(pair: Net) -> None:
    pair["pair0"].knobs(key_removal=False)
    pair.give_key("pair0")
    up(pair)
    pair.take_key("pair0")
    reload(pair)
    said(pair, "mutable config field remains the same")
    assert shown(pair)


def test_a_version_without_hot_swap_takes_no_key(pair: Net) -> None:
    pair["pair0"].knobs(version="1.34")
    up(pair)
    pair.give_key("pair0")
    reload(pair)
    said(pair, "mutable config field remains the same")
    assert shown(pair) is None


@pytest.mark.parametrize("file", ["config.json", "log_config.json", "validator_key.json"])
def test_one_broken_file_makes_all_of_it_void(pair: Net, file: str) -> None:
    pair.give_key("pair0")
    up(pair)
    if file != "validator_key.json":
        pair.take_key("pair0")
    broken = pair["pair0"].home / file
    whole = broken.read_bytes() if broken.exists() else b""
    # The test finds the node by its config.json, so that one is broken in one field only.
    field = re.compile(rb'"min_num_peers": *\d+')
    broken.write_bytes(field.sub(b'"min_num_peers": "many"', whole) if file == "config.json" else b"{")
    reload(pair)
    said(pair, BROKEN)
    assert pair["pair0"].metric("near_config_correct") == 0
    assert shown(pair), "a demotion fails without a word because of another file"
    if whole:
        broken.write_bytes(whole)
    else:
        broken.unlink()
    reload(pair)
    pair.until("all is well", lambda: pair["pair0"].metric("near_config_correct") == 1)


def test_a_dangling_link_is_no_key(pair: Net) -> None:
    up(pair)
    (pair["pair0"].home / "validator_key.json").symlink_to(pair.root / "nowhere.json")
    reload(pair)
    said(pair, "no validator key validator_file=")
    assert shown(pair) is None


def test_a_validator_that_tracks_all_shards_aborts_when_it_takes_the_key(pair: Net) -> None:
    pair["pair0"].knobs(all_shards_panic=True)
    pair["pair0"].edit("config.json", lambda document: document.update(tracked_shards_config="AllShards"))
    up(pair)
    # What counts is how it was started.
    pair["pair0"].edit("config.json", lambda document: document.update(tracked_shards_config=shadow()))
    pair.give_key("pair0")
    reload(pair)
    process = pair["pair0"].process
    assert process is not None
    assert process.wait(5) == -signal.SIGABRT
    assert "validators must not track all shards" in pair["pair0"].log()


def test_a_cold_standby_stalls_with_the_key(pair: Net) -> None:
    pair["pair0"].edit("config.json", lambda document: document.update(tracked_shards_config="NoShards"))
    up(pair)
    pair.give_key("pair0")
    reload(pair)
    pair.until("it is syncing", lambda: shown(pair) and pair["pair0"].syncing())
    stands_at = pair["pair0"].height()
    pair.grows("node0", 10)
    assert pair["pair0"].height() == stands_at


def test_the_height_to_shut_down_at_is_taken_too(pair: Net) -> None:
    up(pair)
    soon = pair["pair0"].height() + 10
    pair["pair0"].edit("config.json", lambda document: document.update(expected_shutdown=soon))
    try:
        reload(pair)
        process = pair["pair0"].process
        assert process is not None
        assert process.wait(10) == 0
        assert pair["node0"].height() >= soon
    finally:
        pair["pair0"].edit("config.json", lambda document: document.update(expected_shutdown=None))
