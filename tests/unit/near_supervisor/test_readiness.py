"""What speaks against a takeover by this node: each reason by its name and its weight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from near_ha.operator import plan
from near_ha.records import member_record, wire
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.conditions import hot_takeover, readiness
from near_supervisor.core.conditions.readiness import NAMES, Weight
from near_supervisor.core.facts import versions
from near_supervisor.core.facts.host import Host, RunDir
from near_supervisor.core.facts.listing import Listing
from near_supervisor.core.facts.settings import Strategy
from near_supervisor.snapshot import Snapshot
from support.core_play import D, Play, claimed, held, standby
from support.standby_readiness import FINE, GIB, machine, names, polled, voting


def test_a_standby_without_a_flaw_has_no_reason() -> None:
    play = voting()
    play.do(ev.MembersSeen(play.now, (standby("b", version="1.2.0", neard_version="2.7.0"),)))
    assert names(play) == []
    assert readiness.unready(play.node) == ""


# test_key_lock.py, test_other_locks.py, test_heads.py
IN_FILES_OF_THEIR_OWN = {"key_lock", "other_lock", "block_time"}
BLOCKS, LAST, NOTED = Weight.BLOCKS, Weight.LAST, Weight.NOTED
CASES: list[tuple[str, Weight, Callable[[Play], ev.Event], str]] = [
    ("sync", BLOCKS, polled(syncing=True), "neard is syncing"),
    ("peers", NOTED, polled(peers=2), "2 peers, fewer than 3"),
    ("key", BLOCKS, lambda _: machine(key="the validator key is not there: no file"), "no file"),
    ("key_fingerprint", BLOCKS, lambda _: ev.LeaseSeen(held(51, validator_public_key="ed25519:X")), "ed25519:X"),
    ("chain_key", BLOCKS, lambda _: ev.ListingSeen(Listing("ed25519:X", "ed25519:X")), "with ed25519:X, this node was"),
    ("chain_key", BLOCKS, lambda _: ev.ListingSeen(Listing("ed25519:X", "ed25519:KEY")), "from the next one on"),
    ("not_listed", NOTED, lambda _: ev.ListingSeen(Listing("", "")), "lists pool.near as a validator neither"),
    ("restart", NOTED, polled(version="2.1.0"), "neard 2.1.0 takes no key"),
    ("restart", NOTED, polled(version=""), "does not say its version"),
    ("disk", NOTED, lambda _: machine(disk_free_bytes=3 * GIB), "3.0 GiB"),
    ("disk_full", LAST, lambda _: machine(disk_free_bytes=0), "no room is left"),
    ("disk_full", LAST, lambda _: machine(disk_free_bytes=2**20 - 1), "no room is left"),
    ("limits", NOTED, lambda _: machine(nofile=1_024), "1024 files"),
    ("lease", NOTED, lambda _: ev.LeaseSeen(held(51, lease_ms=2 * D)), "--lease 20"),
    ("record", NOTED, lambda _: ev.LeaseSeen(claimed()), "it is not signed"),
    ("preflight", LAST, lambda _: machine(preflight="no such field"), "no such field"),
    ("run_dir", LAST, lambda _: ev.RunDirSeen(RunDir("run directory /run/x is full")), "/run/x is full"),
]


@pytest.mark.parametrize(("name", "weight", "event", "words"), CASES)
def test_each_reason_has_its_name_and_its_weight(
    name: str, weight: Weight, event: Callable[[Play], ev.Event], words: str
) -> None:
    play = voting()
    play.do(event(play))
    found = {reason.name: reason for reason in readiness.reasons(play.node)}
    assert set(found) - {"state"} == {name}
    assert found[name].weight is weight
    assert words in found[name].text
    assert bool(readiness.barred(play.node)) is (weight is BLOCKS)
    assert bool(readiness.unready(play.node)) is (weight is not NOTED)
    shown = Snapshot(play.node, play.now, 0).status()
    assert shown["ready"] is (weight is NOTED)
    (row,) = [reason for reason in shown["readiness"] if reason["name"] == name]
    assert (row["blocks"], row["last"]) == (weight is BLOCKS, weight is LAST)


def test_the_table_has_every_name_once_and_a_case_for_each() -> None:
    assert len(set(NAMES)) == len(NAMES)
    elsewhere = {
        "state",
        "tracking",
        "version",
        "node_key",
        "doppelganger",
        "signing",
        "consul",
    } | IN_FILES_OF_THEIR_OWN
    assert set(NAMES) == {name for name, *_ in CASES} | elsewhere, (
        "test_doppelganger.py and test_signing_nothing.py have two more"
    )


def test_all_reasons_together_fit_into_a_member_record() -> None:
    """A reader of the version before takes 20: what it cannot read is not ready, and with more this node is not."""
    assert len(NAMES) <= wire.MAX_NAMES
    mine = standby("a", ready=False, reasons=NAMES).record
    assert mine is not None
    assert member_record.parse(mine.to_json().encode()) == mine
    assert sum(weight is not BLOCKS for _name, _check, weight in readiness.CHECKS) < 20


def test_a_neard_that_does_not_answer_is_state_and_sync() -> None:
    play = Play()
    play.do(ev.Tick())
    assert names(play) == ["state", "sync"]
    assert readiness.unready(play.node) == "is Startup, waits for its guard"


@pytest.mark.parametrize("host", [Host(), Host(disk_free_bytes=None, nofile=None, key=None, preflight=None)])
def test_what_is_not_known_is_no_reason(host: Host) -> None:
    play = voting()
    play.do(ev.HostSeen(host))
    play.poll(peers=None, version="2.7.0")
    play.do(ev.MembersSeen(play.now, None))
    play.do(ev.LeaseSeen(held(51, validator_public_key="")))
    assert names(play) == []


@pytest.mark.parametrize("strategy", list(Strategy))
@pytest.mark.parametrize(
    ("kept", "against"), [("pool.near", []), ("", ["restart", "tracking"]), (hot_takeover.ALL_SHARDS, ["tracking"])]
)
def test_what_a_takeover_of_this_node_would_be_is_known_before(
    strategy: Strategy, kept: str, against: list[str]
) -> None:
    play = voting(strategy=strategy, keeps_shards_of=kept)
    by_restart = ["restart"] if strategy in (Strategy.RESTART, Strategy.KUUTAMOD) else []
    assert names(play) == sorted({*by_restart, *against})
    told = " ".join(reason.text for reason in readiness.reasons(play.node))
    assert ("for up to 15 minutes" in told) is ("restart" in names(play))
    assert ("its first chunks may fail" in told) is ("tracking" in names(play))


@pytest.mark.parametrize(
    ("theirs", "old"),
    [
        ({"neard_version": "2.8.0"}, True),
        ({"version": "1.3.0"}, True),
        ({"neard_version": "2.8.0", "node_id": "x"}, True),
        ({"neard_version": "2.6.9"}, False),
        ({"neard_version": "trunk", "version": ""}, False),
    ],
)
def test_a_version_older_than_the_validators_is_a_reason(theirs: dict[str, str], old: bool) -> None:
    play = voting()
    active = standby("b", **{"version": "1.2.0", "neard_version": "2.7.0", **theirs})
    play.do(ev.MembersSeen(play.now, (standby("c", version="9.0.0"), active)))
    assert names(play) == (["version"] if old else [])
    # Nobody validates now: whose version counts is not known.
    play.do(ev.LeaseSeen(replace(held(60), session=None)))
    assert names(play) == []


@pytest.mark.parametrize(
    ("one", "other", "old"),
    [
        ("2.7.0", "2.7.1", True),
        ("2.9.0", "2.10.0", True),
        ("2.10.0-rc.1", "2.10.0", True),
        ("2.10.0", "2.10.0-rc.1", False),
        ("2.10.0-rc.1", "2.10.0-rc.2", False),
        ("2.7.0", "2.7.0", False),
        ("trunk", "2.7.0", False),
        ("2.7.0", "trunk", False),
        ("2.7", "2.8", False),
        ("", "2.8.0", False),
        ("2.7.0", "9" * 5_000 + ".0.0", False),
        ("2.7.0", "²." * 2 + "²", False),
    ],
)
def test_only_what_is_surely_older_is_older(one: str, other: str, old: bool) -> None:
    assert versions.older(one, other) is old


def test_a_standby_with_another_key_stands_neither_beside_the_validator_nor_after_it() -> None:
    play = voting()
    play.do(ev.LeaseSeen(held(51, validator_public_key="ed25519:OTHER")))
    # The lease was waited out, and all is as it should be but the key.
    for index, session in ((51, "session-b"), (52, None)):
        play.do(ev.LeaseSeen(replace(held(index, validator_public_key="ed25519:OTHER"), session=session)))
        for _ in range(4):
            play.poll(version="2.7.0")
            assert not play.one(cmd.Acquire, play.wait(D))


def test_a_reason_that_does_not_block_keeps_nobody_from_the_lease() -> None:
    play = voting()
    play.do(machine(disk_free_bytes=GIB, nofile=1))
    play.wait(D - 100)
    play.poll(version="2.7.0")
    assert play.one(cmd.Acquire, play.wait(200))


BROKEN: dict[str, dict[str, object]] = {
    "preflight": {"preflight": "no such field"},
    "disk_full": {"disk_free_bytes": 0},
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_standby_that_would_not_start_lets_one_that_is_ready_go_first(name: str) -> None:
    play = voting()
    play.do(ev.MembersSeen(play.now, (standby("b"), standby("c"))))
    play.do(machine(**BROKEN[name]))
    play.wait(D + D // 2 - 100)
    play.poll(version="2.7.0")
    assert not any(isinstance(command, cmd.Acquire) for _, command in play.log)
    assert play.one(cmd.Acquire, play.wait(200))


@pytest.mark.parametrize("name", BROKEN)
def test_a_standby_that_would_not_start_is_better_than_none(name: str) -> None:
    play = voting()
    play.do(machine(**BROKEN[name]))
    play.wait(D - 100)
    play.poll(version="2.7.0")
    assert play.one(cmd.Acquire, play.wait(200))


@pytest.mark.parametrize("name", BROKEN)
def test_who_asks_for_a_target_that_would_not_start_is_told_why(name: str) -> None:
    play = voting()
    play.wait(3_000)
    published = play.one(cmd.PublishMember, play.do(machine(**BROKEN[name])))
    assert isinstance(published, cmd.PublishMember)
    target = standby("a", ready=published.ready, reason=published.reason, reasons=published.reasons)
    (obstacle,) = plan.against(target, "ed25519:KEY", D)
    words = {"preflight": "no such field", "disk_full": "no room is left for neard's data"}[name]
    assert obstacle.text.startswith(f"a is not ready: {words}")
    assert obstacle.forceable


def test_a_key_that_is_gone_keeps_a_node_from_the_lease_until_it_is_back() -> None:
    play = voting()
    play.do(machine(key="the validator key is not there"))
    play.wait(2 * D)
    play.poll(version="2.7.0")
    assert not play.one(cmd.Acquire, play.wait(10))
    play.poll(version="2.7.0")
    assert play.one(cmd.Acquire, play.do(ev.HostSeen(FINE)))


def test_the_member_record_names_all_reasons_a_moment_after_they_change() -> None:
    play = voting()
    play.wait(3_000)
    published = play.one(cmd.PublishMember, play.do(machine(disk_free_bytes=GIB)))
    assert isinstance(published, cmd.PublishMember)
    assert (published.ready, published.reasons) == (True, ("disk",))


def test_a_validator_has_no_state_against_it_and_still_a_full_disk() -> None:
    play = Play().to_validating()
    play.do(machine(disk_free_bytes=0))
    assert names(play) == ["disk_full"]
    assert play.node.against == ("disk_full",)


def test_a_standby_reads_the_members_every_half_minute_and_a_holder_does_not() -> None:
    play = voting()
    seen = [at for at, command in play.log if isinstance(command, cmd.ReadMembers)]
    for _ in range(12):
        play.do(ev.LeaseSeen(held(100 + play.height)))
        play.poll(version="2.7.0")
        play.wait(D // 2)
    times = [at for at, command in play.log if isinstance(command, cmd.ReadMembers)]
    assert len(seen) == 1
    assert [later - at for at, later in pairwise(times)] == [30_000, 30_000]


# --- two neards with one node key


OURS = "ed25519:7u8KsKBMVGvM6UkqPmQ3UXyTLwb5Up4dNEXsYb5cRBPH"


@pytest.mark.parametrize(
    ("own", "other", "there", "named"),
    [
        pytest.param(OURS, OURS, True, True, id="the same"),
        pytest.param(OURS, "ed25519:OTHER", True, False, id="each its own"),
        pytest.param(OURS, OURS, False, False, id="who has it is gone"),
        pytest.param(OURS, "", True, False, id="an older version does not say"),
        pytest.param("", "", True, False, id="nobody says"),
    ],
)
def test_another_host_with_this_ones_node_key_is_named(own: str, other: str, there: bool, named: bool) -> None:
    play = voting(node_public_key=own)
    twin = standby("c", node_public_key=other)
    play.do(ev.MembersSeen(play.now, (standby("b"), twin if there else replace(twin, session=None))))
    found = {reason.name: reason for reason in readiness.reasons(play.node)}
    assert ("node_key" in found) is named
    if named:
        assert not found["node_key"].blocks
        assert f"the neards of a and c have one node key ({OURS})" in found["node_key"].text
        assert "give each host a node key of its own (--voter-node-key" in found["node_key"].text


def test_what_is_known_of_the_node_key_is_not_guessed_at() -> None:
    def about_peers(play: Play) -> str:
        return next(reason.text for reason in readiness.reasons(play.node) if reason.name == "peers")

    play = voting(node_public_key=OURS)
    play.poll(peers=0)
    assert "or another neard runs with its node key" in about_peers(play)
    play.do(ev.MembersSeen(play.now, (standby("c", node_public_key=OURS),)))
    assert "node key" not in about_peers(play)


def test_a_standby_says_it_when_it_lasts() -> None:
    play = voting(node_public_key=OURS)
    play.do(ev.MembersSeen(play.now, (standby("c", node_public_key=OURS),)))
    for _ in range(11):
        play.poll()
        play.do(ev.LeaseSeen(held(60 + play.height)), after=1_000)
    assert "this standby can take over, but (node_key): the neards of a and c have one node key" in play.said()
