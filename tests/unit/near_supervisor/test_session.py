"""A node that is in sync asks for a session, once, and again when that came to nothing or was lost."""

from __future__ import annotations

from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.updates.consul import RETRY_MS
from support.core_play import NO, Play


def in_sync() -> tuple[Play, list[cmd.Command]]:
    """A standby whose neard has just been seen in sync, and what it asked for then."""
    play = Play()
    play.do(ev.Tick())
    play.do(ev.GuardReady())
    play.do(ev.NeardStarted(100, armed=False))
    return play, play.poll()


def test_it_asks_once_and_waits_for_the_answer() -> None:
    play, asked = in_sync()
    assert asked.count(cmd.Register()) == 1
    assert not play.one(cmd.Register, play.wait(5_000))


def test_what_came_to_nothing_is_asked_again_a_moment_later() -> None:
    play, _asked = in_sync()
    play.do(ev.RegisterFailed("no answer"))
    assert not play.one(cmd.Register, play.wait(RETRY_MS - 1))
    assert play.one(cmd.Register, play.wait(1))


def test_whoever_has_one_asks_for_another_only_when_it_is_gone() -> None:
    play, _asked = in_sync()
    play.do(ev.Registered("session-a", play.now))
    assert not play.one(cmd.Register, play.wait(1_000))
    asked = play.do(ev.SessionRenewed("session-a", play.now, NO))
    assert asked.count(cmd.Register()) == 1
