"""A node that Consul does not answer claims nothing of what only Consul could tell it."""

from __future__ import annotations

import pytest

from near_supervisor.commandline import cluster_text
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.facts import lease
from near_supervisor.core.facts.model import Node
from near_supervisor.snapshot import Snapshot
from support.core_play import SETTINGS, UNKNOWN, D, Play, held

SOON = lease.unheard_after_ms(D)


def seen(play: Play, after: int = 0) -> dict[str, object]:
    """What is shown ``after`` milliseconds, in which nothing happens."""
    return Snapshot(play.node, play.now + after, 0).status()


def cut_off() -> Play:
    """A standby beside ``b``, whose reads fail since a moment."""
    play = Play().to_voting()
    play.do(ev.LeaseSeen(held(60)))
    play.do(ev.LeaseReadFailed("connection refused"), after=200)
    return play


def test_it_is_two_heartbeats_or_a_few_seconds() -> None:
    assert (SOON, lease.unheard_after_ms(2_000)) == (3_000, 2_000)


def test_a_standby_that_is_cut_off_is_not_ready_and_knows_no_leader() -> None:
    play = cut_off()
    before, after = seen(play), seen(play, SOON)
    assert before["ready"] is True
    assert before["leader"]["node_id"] == "b"  # type: ignore[index]
    assert (after["ready"], after["leader"]) == (False, None)
    assert after["leader_before_silence"]["node_id"] == "b"  # type: ignore[index]
    assert "Consul has not answered for 3.2 s" in str(after["reason"])
    (row,) = [reason for reason in after["readiness"] if reason["name"] == "consul"]  # type: ignore[attr-defined]
    assert row["blocks"] is True
    assert after["consul"] == {"answers": False, "silent_ms": SOON + 200, "heartbeat_ms": None}
    assert "leader not known" in Snapshot(play.node, play.now + SOON, 0).summary()[0]


def test_one_that_hears_nothing_is_cut_off_before_a_request_has_failed() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(held(60)))
    assert seen(play, SOON)["ready"] is True
    assert seen(play, SOON + 1)["ready"] is False


def test_it_is_over_with_the_next_answer() -> None:
    play = cut_off()
    play.now += SOON
    assert seen(play)["ready"] is False
    play.do(ev.LeaseSeen(held(61)))
    shown = seen(play)
    assert (shown["ready"], shown["leader"]["node_id"], shown["leader_before_silence"]) == (True, "b", None)  # type: ignore[index]


def test_it_goes_on_to_try_and_takes_over_as_soon_as_there_are_answers() -> None:
    play = cut_off()
    play.wait(D)
    play.poll()
    assert any(isinstance(command, cmd.Acquire) for _, command in play.log)
    assert seen(play)["ready"] is False
    play.do(ev.AcquireAnswered(UNKNOWN))
    play.poll()
    assert play.one(cmd.Acquire, play.wait(D // 10))


def test_a_signer_knows_its_lease_until_its_deadline_and_nothing_after_it() -> None:
    play = Play().to_validating()
    deadline = play.node.leadership.deadline if play.node.leadership else None
    assert deadline is not None
    left = deadline - play.now
    assert left > SOON
    shown = seen(play, left - 1)
    assert (shown["lease_left_ms"], shown["leader"]["node_id"]) == (1, "a")  # type: ignore[index]
    shown = seen(play, left)
    assert (shown["lease_left_ms"], shown["leader"]) == (None, None)
    assert shown["leader_before_silence"]["node_id"] == "a"  # type: ignore[index]


def test_for_people_it_is_not_known() -> None:
    play = cut_off()
    text = cluster_text.own_text(Snapshot(play.node, play.now + 6_800, 0).status())
    assert "validator:  not known; 7 s ago it was b" in text
    assert "Consul has not answered for 7.0 s" in text


@pytest.mark.parametrize("failed", [False, True])
def test_one_that_has_never_heard_says_so_once_it_has_asked(failed: bool) -> None:
    play = Play(Node(SETTINGS))
    play.do(ev.LeaseReadFailed("no route") if failed else ev.Tick())
    named = [reason["name"] for reason in seen(play, 60_000)["readiness"]]  # type: ignore[attr-defined]
    assert ("consul" in named) is failed
