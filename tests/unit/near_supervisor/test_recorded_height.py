"""Rule 4: what a signer writes down of itself covers all that it may have signed, and no more than it has to."""

from __future__ import annotations

import pytest

from near_ha.records import lease_record
from near_ha.records.lease_record import LeaseRecord
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from support.core_play import SETTINGS, D, Play

BLOCK_MS = SETTINGS.block_time_ms


def test_nonsense_from_neard_does_not_make_the_record_unreadable_for_the_others() -> None:
    play = Play().to_validating()
    play.poll(target=2**62)
    beat = play.one(cmd.Heartbeat, play.wait(D // 10))
    play.heartbeat()
    beat = beat or play.one(cmd.Heartbeat, play.wait(D // 10 + 1))
    assert isinstance(beat, cmd.Heartbeat)
    assert lease_record.parse(beat.record.to_json().encode()).height == 2**53


def test_a_standby_that_gave_up_before_it_was_armed_passes_on_the_predecessors_height() -> None:
    play = Play().to_leadership()
    floor = play.height - 1
    release = play.one(cmd.Release, [*play.do(ev.StopAsked("SIGTERM")), *play.do(ev.NeardExited(100, "exit code 0"))])
    assert isinstance(release, cmd.Release)
    assert release.record.height == floor, "the first head after its end is all that it may have approved"


def heartbeat_of(play: Play) -> LeaseRecord:
    """The record of the next heartbeat."""
    beat = play.one(cmd.Heartbeat, play.wait(D // 10))
    if beat is None:
        play.heartbeat()
        beat = play.one(cmd.Heartbeat, play.wait(D // 10 + 1))
    assert isinstance(beat, cmd.Heartbeat)
    return beat.record


def test_a_record_names_what_neard_has_approved_and_what_it_gives_up_until_the_deadline_if_no_block_comes() -> None:
    play = Play().to_validating()
    play.poll(target=2_000, head_age_ms=0)
    assert heartbeat_of(play).height == 2_000
    standing = Play().to_validating()
    standing.poll(target=standing.height + 2, head_age_ms=0)
    # 1.8, 2.0, 2.2 and 2.3 s: the heartbeat is a second later, and buys 8.
    assert heartbeat_of(standing).height == standing.height + 1 + 4


def test_a_release_names_no_more_than_was_approved_when_the_signer_ended() -> None:
    play = Play().to_validating()
    play.poll(target=play.height + 2, head_age_ms=0)
    release = play.one(cmd.Release, play.do(ev.NeardExited(200, "signal 9 (SIGKILL)"), after=1_700))
    assert isinstance(release, cmd.Release)
    assert release.record.height == play.height + 1


def test_a_record_tells_what_the_clock_of_the_chain_shows() -> None:
    play = Play().to_validating()
    play.poll(target=play.height + 2, head_age_ms=0, born_ms=700_000)
    born = play.now
    told = heartbeat_of(play)
    assert told.chain_ms == 700_000 + (told.seq - born) + (told.seq - born) // 100


def test_a_crash_of_the_supervisor_does_not_lower_the_floor() -> None:
    play = Play().to_validating()
    floor = play.height - 2
    kept = [command.memory for _, command in play.log if isinstance(command, cmd.SaveState)][-1]
    assert kept.floor == floor
    fresh = Play(now=play.now)
    fresh.do(ev.Tick())
    release = fresh.one(cmd.Release, fresh.do(ev.GuardReady(memory=kept, ended="signal 9 (SIGKILL)")))
    assert isinstance(release, cmd.Release)
    assert release.record.height >= floor


def test_a_crash_of_the_supervisor_does_not_forget_the_clock_of_the_chain() -> None:
    """Without it a successor whose neard lags unseen would take old heads for new ones."""
    play = Play().to_validating()
    play.poll(target=play.height + 2, head_age_ms=0, born_ms=700_000)
    kept = [command.memory for _, command in play.log if isinstance(command, cmd.SaveState)][-1]
    fresh = Play(now=play.now + 500)
    fresh.do(ev.Tick())
    release = fresh.one(cmd.Release, fresh.do(ev.GuardReady(memory=kept, ended="signal 9 (SIGKILL)")))
    assert isinstance(release, cmd.Release)
    assert release.record.chain_ms == 700_000 + 500 + 5


@pytest.mark.parametrize(("heads_seen", "more"), [(1, 2), (3, 1)])
def test_a_release_counts_that_the_only_head_may_have_been_there_for_a_block_time(heads_seen: int, more: int) -> None:
    """A wall clock that is behind says that it is new; approved were the next height and, after 1.8 s, one more."""
    play = Play().to_validating()
    for number in range(heads_seen):
        play.now += BLOCK_MS
        play.poll(head_age_ms=0, born_ms=700_000 + number * BLOCK_MS)
    release = play.one(cmd.Release, play.do(ev.NeardExited(200, "signal 9 (SIGKILL)"), after=1_700))
    assert isinstance(release, cmd.Release)
    assert release.record.height == play.height + more
