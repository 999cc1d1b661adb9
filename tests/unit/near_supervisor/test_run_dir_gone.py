"""A run directory that is full, or gone for good: it is said at once, and ends in order where that helps."""

from __future__ import annotations

import pytest

from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.conditions import readiness
from near_supervisor.core.facts.answer import YES
from near_supervisor.core.facts.host import RunDir
from near_supervisor.core.facts.lease import heartbeat_interval
from support.core_play import D, Play, held, standby

GONE = ev.RunDirSeen(RunDir("run directory /run/x is gone and cannot be made again (File exists)", gone=True))
FULL = ev.RunDirSeen(RunDir("run directory /run/x is on a file system that is full"))
WELL = ev.RunDirSeen(RunDir())


def said(out: list[cmd.Command], level: str) -> list[str]:
    return [each.message for each in out if isinstance(each, cmd.Log) and each.level == level]


def signs_on(play: Play, ms: int) -> list[cmd.Command]:
    """Time passes, in which heartbeats are answered and blocks come."""
    out: list[cmd.Command] = []
    for _ in range(ms // 500):
        play.now += 500
        out += play.poll() + play.heartbeat()
    return out


@pytest.mark.parametrize("validates", [False, True])
def test_a_full_one_is_said_at_once_and_speaks_against_a_takeover(validates: bool) -> None:
    play = Play().to_validating() if validates else Play().to_voting()
    (text,) = said(play.do(FULL), "error")
    assert "is full: a crash of this supervisor ends a signer" in text
    assert "run_dir" in readiness.names(play.node)
    assert bool(readiness.unready(play.node))
    assert play.node.closing is None
    (text,) = said(play.do(WELL), "info")
    assert "as it should be again" in text
    assert "run_dir" not in readiness.names(play.node)


def test_a_signer_whose_run_directory_is_full_signs_on() -> None:
    play = Play().to_validating()
    play.do(FULL)
    signs_on(play, 3 * D)
    assert play.node.leadership is not None
    assert not play.node.leadership.release.reason


def test_a_standby_whose_run_directory_is_full_is_better_than_none() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(held()))
    play.do(FULL)
    play.wait(D - 100)
    play.poll()
    assert play.one(cmd.Acquire, play.wait(200))


def test_a_standby_whose_run_directory_is_gone_ends_with_status_1() -> None:
    play = Play().to_voting()
    out = play.do(GONE)
    assert play.one(cmd.StopNeard, out)
    assert any("its service manager makes the directory anew" in text for text in said(out, "error"))
    out = play.do(ev.NeardExited(100, "exit code 0"))
    assert play.one(cmd.Exit, out) == cmd.Exit(1, detach=False)


def test_a_signer_whose_run_directory_is_gone_hands_over_when_a_standby_is_ready() -> None:
    play = Play().to_validating()
    asked_at = play.now
    out = play.do(GONE)
    assert play.one(cmd.ReadMembers, out)
    assert not play.one(cmd.StopNeard, out)
    out = play.do(ev.MembersSeen(asked_at, (standby("b"),)), after=5)
    stop = play.one(cmd.StopNeard, out)
    assert isinstance(stop, cmd.StopNeard)
    assert stop.patience_ms is not None, "somebody waits for its end"
    release = play.one(cmd.Release, play.do(ev.NeardExited(200, "exit code 0"), after=50))
    assert isinstance(release, cmd.Release)
    assert "a standby is ready" in release.record.reason
    assert play.now - asked_at < heartbeat_interval(D)
    assert play.one(cmd.Exit, play.do(ev.ReleaseAnswered(YES))) == cmd.Exit(1, detach=False)


@pytest.mark.parametrize("members", [(), (standby("b", ready=False),), (standby("b", priority=0),), None])
def test_a_signer_whose_run_directory_is_gone_signs_on_while_nobody_is_ready(members: tuple[()] | None) -> None:
    play = Play().to_validating()
    out = play.do(GONE)
    for _ in range(60):
        out += play.do(ev.MembersSeen(play.now, members))
        out += signs_on(play, 1_000)
    assert play.node.leadership is not None
    assert not play.node.leadership.release.reason
    assert play.node.closing is None
    told = [text for text in said(out, "error") if "no standby is ready: this node keeps the lease" in text]
    assert len(told) == 2, "every half a minute"
    assert sum(isinstance(each, cmd.ReadMembers) for each in out) >= 50
    play.do(ev.MembersSeen(play.now, (standby("b"),)))
    assert play.node.closing is not None


def test_a_paused_cluster_keeps_its_validator() -> None:
    play = Play().to_validating()
    play.do(ev.ConfigSeen(paused=True))
    out = play.do(GONE)
    out += play.do(ev.MembersSeen(play.now, (standby("b"),)))
    out += signs_on(play, 31_000)
    assert play.node.closing is None
    assert any("the cluster is paused: this node keeps the lease" in text for text in said(out, "error"))


def test_a_directory_that_is_back_in_time_ends_nothing() -> None:
    play = Play().to_validating()
    play.do(GONE)
    play.do(WELL)
    play.do(ev.MembersSeen(play.now, (standby("b"),)))
    signs_on(play, 2_000)
    assert play.node.closing is None
