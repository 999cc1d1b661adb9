"""A neard that works on its start, because it migrates its database, is not taken for one that hangs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.conditions import waits
from near_supervisor.core.facts.work import Work
from support.core_play import SETTINGS, D, Play, standby

TIMEOUT = SETTINGS.startup_timeout_ms
LIMIT = SETTINGS.startup_limit_ms
LOOK_MS = 10_000
BUSY = Work(LOOK_MS, 0)
ONLY_DISK = Work(0, 5 << 20)
# What a process does that waits for ever: a percent of a processor, a line of log now and then.
IDLE = Work(LOOK_MS // 100, 1_000)


def starts(armed: bool = False) -> Play:
    """A neard has just been started; as the validator, it has the lease."""
    if armed:
        play = Play().to_leadership()
        play.heartbeat()
        play.do(ev.NeardExited(100, "exit code 0"))
        play.do(ev.NeardStarted(200, armed=True))
        return play
    play = Play()
    play.do(ev.Tick())
    play.do(ev.GuardReady())
    play.do(ev.NeardStarted(100, armed=False))
    return play


def silent(play: Play, for_ms: int, rate: Work | None, others: tuple[str, ...] = ()) -> cmd.KillNeard | None:
    """It does not answer for so long, and does so much in each look; how it is killed, if it is."""
    assert play.node.neard is not None
    done = play.node.neard.work or Work(0, 0)
    # A holder has its heartbeats meanwhile.
    parts = 10 if play.node.leadership is not None else 1
    limit = play.now + for_ms
    while play.now < limit:
        if rate is not None:
            done = Work(done.cpu_ms + rate.cpu_ms // parts, done.moved_bytes + rate.moved_bytes // parts)
        silence = replace(play.polled(None, "connection refused"), work=None if rate is None else done)
        out = play.do(silence, after=LOOK_MS // parts)
        if play.node.leadership is not None:
            out += play.heartbeat()
        if play.node.cluster.reading:
            out += play.do(ev.MembersSeen(play.now, tuple(standby(name, reasons=("restart",)) for name in others)))
        killed = play.one(cmd.KillNeard, out)
        if killed is not None:
            assert isinstance(killed, cmd.KillNeard)
            return killed
    return None


@pytest.mark.parametrize("rate", [BUSY, ONLY_DISK], ids=["the processor", "the disk"])
def test_a_standby_that_works_is_left_to_its_start(rate: Work) -> None:
    play = starts()
    assert silent(play, 30 * TIMEOUT, rate) is None
    assert "may migrate its database" in play.said()
    assert "Do not stop it" in play.said()
    play.poll()
    assert play.node.neard is not None
    assert play.node.neard.answered
    assert play.node.starts.failures == 0


@pytest.mark.parametrize("rate", [IDLE, None], ids=["it does next to nothing", "the kernel does not tell"])
def test_one_that_hangs_is_killed_as_ever(rate: Work | None) -> None:
    play = starts()
    began = play.now
    killed = silent(play, 2 * TIMEOUT, rate)
    assert killed is not None
    assert play.now - began <= TIMEOUT + LOOK_MS
    assert killed.why == f"neard was not ready after {TIMEOUT / 1000:g} s"


def test_one_that_stops_to_work_is_killed_its_time_after_that() -> None:
    play = starts()
    assert silent(play, 5 * TIMEOUT, BUSY) is None
    stopped = play.now
    killed = silent(play, 2 * TIMEOUT, IDLE)
    assert killed is not None
    assert TIMEOUT <= play.now - stopped <= TIMEOUT + 2 * LOOK_MS
    assert "does not work any more" in killed.why


def test_work_has_a_bound_too() -> None:
    play = starts()
    began = play.now
    killed = silent(play, 2 * LIMIT, BUSY)
    assert killed is not None
    assert LIMIT <= play.now - began <= LIMIT + LOOK_MS
    assert "--startup-limit" in killed.why


def test_what_it_takes_is_said_every_ten_minutes_and_not_more() -> None:
    play = starts()
    silent(play, 3_600_000, BUSY)
    assert 5 <= play.said().count("may migrate its database") <= 6


def test_the_wait_says_until_when() -> None:
    play = starts()
    silent(play, 2 * TIMEOUT, BUSY)
    wait = waits.of(play.node, play.now)
    assert wait is not None
    assert "which works on its start" in wait.what
    assert wait.until == play.now + TIMEOUT


def test_a_neard_that_executes_itself_anew_has_its_whole_time_again() -> None:
    play = Play().to_voting()
    for _ in range(3):
        play.do(play.polled(None, "connection refused"), after=1_000)
    assert play.node.neard is not None
    assert (play.node.neard.answered, play.node.neard.worked_at) == (False, None)
    assert silent(play, 3 * TIMEOUT, BUSY) is None


def test_one_that_is_to_sign_works_on_while_nobody_could_take_its_place() -> None:
    play = starts(armed=True)
    assert silent(play, 3 * TIMEOUT, BUSY) is None
    assert play.node.leadership is not None


def test_one_that_is_to_sign_makes_room_after_its_time_for_any_that_is_ready() -> None:
    """Also for one that would have to be started first: it starts, and this one has not said when it is done."""
    play = starts(armed=True)
    began = play.now
    killed = silent(play, 3 * TIMEOUT, BUSY, others=("b",))
    assert killed is not None
    assert "a standby is ready" in killed.why
    assert TIMEOUT <= play.now - began <= TIMEOUT + 2 * D


def test_the_time_that_one_has_at_least_is_no_shorter_by_a_limit_below_it() -> None:
    play = starts()
    play.node = replace(play.node, settings=replace(SETTINGS, startup_limit_ms=1_000))
    assert silent(play, TIMEOUT - LOOK_MS, BUSY) is None


def test_a_start_whose_time_is_over_ends_also_while_the_others_are_asked() -> None:
    """The host stood still meanwhile: a lease and the time for a start are over in one moment."""
    play = starts(armed=True)
    play.now += max(TIMEOUT, D) + 1
    out = play.do(ev.Tick())
    assert play.one(cmd.KillNeard, out) is not None
    assert play.do(ev.Tick()) == []
