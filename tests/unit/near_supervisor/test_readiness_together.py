"""Reasons that hold together do not contradict each other, whichever they are and wherever they are shown."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from near_supervisor.commandline import cluster_text
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.conditions import reach, readiness
from near_supervisor.core.conditions.readiness import Weight
from near_supervisor.core.facts.host import Host
from near_supervisor.core.facts.other_locks import OtherLock
from near_supervisor.core.rules.readiness import LASTS_MS
from near_supervisor.snapshot import Snapshot
from support.core_play import NO, D, Play, claimed, held, standby
from support.standby_readiness import voting
from unit.near_supervisor.test_readiness import CASES

# Where one of these is so, the other is not: they would say two things of one and the same.
EXCLUSIVE = (
    {"disk", "disk_full"},
    {"chain_key", "not_listed"},
    {"lease", "record"},
)
MORE: list[Callable[[Play], ev.Event]] = [
    lambda _: ev.NeardExited(100, "exit code 101", "thread 'main' panicked"),
    lambda _: ev.MembersSeen(0, (standby("b", version="9.0.0"),), (OtherLock("other", "c", "ed25519:KEY"),)),
    lambda _: ev.LeaseSeen(claimed(validator_public_key="ed25519:X")),
    lambda _: ev.LeaseSeen(held(52, lease_ms=3 * D, validator_public_key="ed25519:X")),
    lambda _: ev.StopAsked("SIGTERM"),
    lambda _: ev.SessionRenewed("session-a", 0, NO),
]
EVENTS = [event for _name, _weight, event, _words in CASES] + MORE


def holds_together(play: Play) -> None:
    """All that is shown of this node is of one mind."""
    node = play.node
    found = {reason.name: reason for reason in readiness.reasons(node)}
    assert len(found) == len(readiness.reasons(node))
    for names in EXCLUSIVE:
        assert not names <= set(found), found
    blocked = any(reason.blocks for reason in found.values())
    assert bool(readiness.barred(node)) is blocked
    assert bool(readiness.unready(node)) is any(reason.weight is not Weight.NOTED for reason in found.values())
    if blocked:
        assert not [reason for reason in found.values() if "can take over" in reason.text]
    shown = Snapshot(node, play.now, 0).status()
    texts = [row["text"] for row in shown["readiness"]]
    assert shown["ready"] is not any(row["blocks"] or row["last"] for row in shown["readiness"])
    assert (shown["reason"] in texts) is not shown["ready"]
    assert bool(shown["reason"]) is not shown["ready"]
    if reach.NAME in {row["name"] for row in shown["readiness"]}:
        of_others = [row for row in shown["readiness"] if row["name"] in readiness.FROM_CONSUL]
        assert all(row["text"].startswith("when Consul answered last, ") for row in of_others)
    seen = cluster_text.own_text(shown)
    assert all(seen.count(text) >= 1 for text in texts), "none is kept from whoever looks"


def complaints(play: Play, out: list[cmd.Command]) -> None:
    said = [each.message for each in out if isinstance(each, cmd.Log) and each.message.startswith("this standby ")]
    heads = {text.partition(" (")[0] for text in said}
    assert len(heads) <= 1, said
    if readiness.barred(play.node):
        assert heads <= {"this standby cannot take over"}


@pytest.mark.parametrize("pair", list(itertools.combinations(range(len(EVENTS)), 2)))
def test_any_two(pair: tuple[int, int]) -> None:
    play = voting()
    for number in pair:
        play.do(EVENTS[number](play))
        holds_together(play)
    complaints(play, play.do(ev.Tick(), after=LASTS_MS))
    holds_together(play)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, len(EVENTS) - 1), max_size=8), st.sampled_from([0, 300, 3_000, LASTS_MS]))
def test_any_of_them_in_any_order(numbers: list[int], pause: int) -> None:
    play = voting()
    for number in numbers:
        play.do(EVENTS[number](play), after=pause)
        complaints(play, play.do(ev.Tick()))
        holds_together(play)


def test_what_a_validator_would_meet_at_its_next_start_is_shown_though_it_is_no_reason_of_its_state() -> None:
    play = Play().to_validating()
    play.do(ev.HostSeen(Host(key="the validator key is not there: no file")))
    text = cluster_text.own_text(Snapshot(play.node, play.now, 0).status())
    assert "state:      Validating\n" in text
    assert "readiness:  key: the validator key is not there: no file\n" in text
