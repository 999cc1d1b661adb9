"""What speaks against a takeover by this node: when it is said, to people and to the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.conditions import hot_takeover
from near_supervisor.core.facts.answer import YES
from near_supervisor.core.facts.settings import Strategy
from support.core_play import D, Play, held
from support.standby_readiness import FINE, GIB, machine, voting


def lasting(play: Play, seconds: int) -> list[str]:
    """What is said while everything else stays as it is for so long."""
    said: list[cmd.Command] = []
    for _ in range(seconds * 2):
        play.now += 500
        said += play.do(ev.LeaseSeen(held(100 + play.height)))
        said += play.poll(version="2.7.0")
    return [f"{each.level} {each.message}" for each in said if isinstance(each, cmd.Log)]


def test_a_reason_is_said_when_it_lasts_then_every_ten_minutes_and_its_end_once() -> None:
    play = voting()
    play.do(machine(disk_free_bytes=3 * GIB))
    assert lasting(play, 9) == []
    (first,) = lasting(play, 2)
    assert first.startswith("warn this standby can take over, but (disk): 3.0 GiB")
    assert lasting(play, 590) == []
    (again,) = lasting(play, 20)
    assert again == first
    (end,) = [each for each in play.do(ev.HostSeen(FINE)) if isinstance(each, cmd.Log)]
    assert (end.level, end.message) == ("info", "disk does not speak against a takeover any more")
    assert lasting(play, 700) == []


def test_what_comes_and_goes_is_no_news() -> None:
    play = voting()
    for _ in range(20):
        play.do(machine(disk_free_bytes=0))
        assert lasting(play, 9) == []
        assert not play.one(cmd.Log, play.do(ev.HostSeen(FINE)))
        assert lasting(play, 1) == []


def test_a_standby_that_is_not_in_sync_says_it_once_and_not_also_its_state() -> None:
    play = Play()
    play.do(ev.Tick())
    play.do(ev.GuardReady())
    play.do(ev.NeardStarted(100, armed=False))
    play.poll(syncing=True)
    play.wait(10_000)
    warnings = [each.message for _, each in play.log if isinstance(each, cmd.Log) and each.level == "warn"]
    assert [each for each in warnings if "cannot take over" in each] == [
        f"this standby cannot take over (sync): neard is syncing at height {play.height}"
    ]


@pytest.mark.parametrize(("kept", "said"), [("pool.near", 0), (hot_takeover.ALL_SHARDS, 1), ("", 2)])
def test_it_says_so_whatever_the_strategy(kept: str, said: int) -> None:
    play = voting(strategy=Strategy.AUTO, keeps_shards_of=kept)
    assert len(lasting(play, 60)) == said


def test_a_validator_complains_of_nothing_and_begins_anew_as_a_standby() -> None:
    play = Play().to_voting()
    play.do(machine(disk_free_bytes=0))
    assert play.node.notices
    play.do(ev.LeaseSeen(replace(held(51), session=None)))
    play.wait(D - 1)
    play.poll()
    play.do(ev.Tick(), 1)
    play.do(ev.AcquireAnswered(YES))
    assert play.node.leadership is not None
    assert play.node.notices == ()


def test_what_a_node_is_with_a_new_session_is_published_at_once() -> None:
    """Its record was claimed as one that registers: nobody could ask for a switchover to it until it says more."""
    play = Play().to_validating()
    play.do(ev.NeardExited(200, "signal 9"), after=2_000)
    play.do(ev.ReleaseAnswered(YES))
    play.do(ev.NeardStarted(300, armed=False), after=100)
    play.poll()
    assert play.node.session is None
    assert play.node.membership.publish_at > play.now, "it has published a moment ago"
    published = play.one(cmd.PublishMember, play.do(ev.Registered("session-c", play.now)))
    assert isinstance(published, cmd.PublishMember)
    assert published.ready
