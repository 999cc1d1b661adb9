"""A signer that ended by itself: how far it came by its database, and when that is not to be believed."""

from __future__ import annotations

import pytest

from near_ha.records.lease_record import LeaseRecord
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.facts import heads
from support.core_play import Play, released
from unit.near_supervisor.test_next_height import FREE, HEAD, successor


def last_record(signed: int | None, target: int | None = None) -> tuple[Play, LeaseRecord]:
    """The release of a signer that is killed, whose database says that; it had said ``target`` of itself."""
    play = Play().to_validating()
    play.poll(target=play.height + 2 if target is None else target)
    release = play.one(cmd.Release, play.do(ev.NeardExited(200, "signal 9 (SIGKILL)", signed=signed)))
    assert isinstance(release, cmd.Release)
    return play, release.record


def said(play: Play) -> int:
    assert play.node.leadership is not None
    return play.node.leadership.signed


def test_what_its_database_says_is_all_that_it_has_signed() -> None:
    play, record = last_record(signed=1_010)
    assert said(play) < 1_010
    assert (record.height, record.final) == (1_010, True)


def test_it_may_have_been_killed_before_it_wrote_what_it_had_just_said() -> None:
    play, _ = last_record(None)
    play, record = last_record(signed=said(play) - 1)
    assert (record.height, record.final) == (said(play), True)


@pytest.mark.parametrize("short_by", [2, 100])
def test_a_database_that_is_older_than_what_neard_has_said_is_not_believed(short_by: int) -> None:
    play, guess = last_record(None)
    assert not guess.final
    _, record = last_record(signed=said(play) - short_by)
    assert (record.height, record.final) == (guess.height, False)


def test_nor_is_one_that_is_far_beyond_what_can_have_been_signed() -> None:
    _, guess = last_record(None)
    _, record = last_record(signed=guess.height + heads.KEPT)
    assert (record.height, record.final) == (guess.height, False)
    _, record = last_record(signed=guess.height + heads.KEPT - 1)
    assert record.final


def test_a_standby_that_ends_says_nothing_of_the_signer() -> None:
    play = Play().to_leadership()
    play.do(ev.NeardExited(100, "exit code 0", signed=play.height + 5))
    play.do(ev.StopAsked("SIGTERM"))
    releases = [command for _, command in play.log if isinstance(command, cmd.Release)]
    assert [release.record.final for release in releases] == [False]


def test_its_successor_waits_for_no_block_then() -> None:
    it = successor().follow(released(height=HEAD + 1, final=True), FREE)
    it.wait(25)
    assert it.arms(it.poll(HEAD, target=HEAD + 1))
