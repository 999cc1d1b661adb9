"""What a node waits for: in its status with the time that is left, in its record in words that stay the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from near_ha.records.states import State
from near_supervisor.commandline import cluster_text
from near_supervisor.core import events as ev
from near_supervisor.core.conditions import readiness
from near_supervisor.core.facts.answer import YES
from near_supervisor.snapshot import Snapshot
from support.core_play import D, Play, held, released

PANIC = "thread 'main' panicked at x.rs:1:2: | no state"


def started() -> Play:
    play = Play()
    play.do(ev.Tick())
    play.do(ev.GuardReady())
    play.do(ev.NeardStarted(100, armed=False))
    return play


def syncing() -> Play:
    play = started()
    play.poll(syncing=True)
    return play


def taken() -> Play:
    play = started()
    play.poll()
    play.do(ev.NodeIdTaken("host 'h' (session s)"))
    return play


def silent() -> Play:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(held()))
    play.now += D // 2
    return play


def stopping() -> Play:
    play = Play().to_voting()
    play.do(ev.StopAsked("SIGTERM"))
    play.now += 3_000
    return play


def behind() -> Play:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(released(height=5_000)))
    play.do(ev.AcquireAnswered(YES))
    play.heartbeat()
    return play


def shown(play: Play) -> str:
    return cluster_text.waits_text(Snapshot(play.node, play.now, 0).status())


@pytest.mark.parametrize(
    ("play", "text"),
    [
        (Play, "its guard"),
        (started, "the first answer of neard 100; it is killed in 120 s"),
        (syncing, "neard to be in sync (neard is syncing at height 1001)"),
        (taken, "this node gives up in 25 s"),
        (silent, "the lease of b, silent for 5 s; this node takes it in 5 s"),
        (stopping, "the end of neard 100 (this node is shutting down); it is killed in 57 s"),
        (behind, "a newer block: own head 1001 is"),
        (lambda: Play().to_voting(), "Consul to show the lease"),
        (lambda: Play().to_validating(), ""),
    ],
    ids=["guard", "neard", "sync", "its id", "lease", "the end", "height", "a look", "nothing"],
)
def test_what_is_waited_for_and_for_how_long(play: Callable[[], Play], text: str) -> None:
    seen = shown(play())
    assert text in seen
    assert bool(seen) == bool(text)


def test_a_standby_beside_a_validator_that_beats_waits_for_nothing() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(held()))
    assert shown(play) == ""


@pytest.mark.parametrize("play", [started, syncing, taken], ids=["starting", "syncing", "its id"])
def test_whoever_starts_is_never_ready_and_says_in_its_record_what_it_waits_for(play: Callable[[], Play]) -> None:
    it = play()
    assert readiness.barred(it.node).startswith(f"is {it.node.state.value}, waits for ")
    before = readiness.unready(it.node)
    it.now += 1_000
    assert readiness.unready(it.node) == before, "what changes all the time is not written to Consul"


def test_a_neard_that_panicked_is_quoted_until_another_one_answers_and_for_a_while() -> None:
    play = Play().to_voting()
    play.do(ev.NeardExited(100, "exit code 101", PANIC))
    assert play.node.state is State.STARTUP
    said = f"ended by itself with exit code 101; it said last: {PANIC}"
    assert said in readiness.unready(play.node)
    play.do(ev.NeardStarted(101, armed=False), after=2_000)
    assert said in readiness.unready(play.node)
    play.poll()
    assert said not in readiness.unready(play.node)

    def own(after: int) -> str:
        return cluster_text.own_text(Snapshot(play.node, play.now + after, 0).status())

    assert f"crashed:    neard ended by itself 2 s ago with exit code 101; it said last: {PANIC}\n" in own(0)
    assert "crashed:" not in own(3_600_000)


def test_one_that_was_killed_in_the_midst_of_its_work_is_quoted_with_nothing() -> None:
    play = Play().to_voting()
    play.do(ev.NeardExited(100, "signal 9 (SIGKILL)"))
    reason = readiness.unready(play.node)
    assert reason == "is Startup, waits for neard to be started; the one before ended by itself with signal 9 (SIGKILL)"
    play.do(ev.NeardStarted(101, armed=False))
    play.poll()
    text = cluster_text.own_text(Snapshot(play.node, play.now, 0).status())
    assert "ago with signal 9 (SIGKILL); it said nothing that tells why\n" in text


def test_one_that_ended_as_it_was_told_is_no_crash() -> None:
    play = Play().to_validating()
    play.node = replace(play.node, starts=replace(play.node.starts, crash=None))
    play.do(ev.StopAsked("SIGTERM"))
    play.do(ev.NeardExited(200, "exit code 0", PANIC))
    assert play.node.starts.crash is None
