"""Rule 4: nothing that the predecessor may have signed is signed again, whatever is known of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from near_ha.records.states import State
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.facts import heads, lease
from near_supervisor.core.facts.answer import YES
from near_supervisor.core.facts.lease_view import Seen
from near_supervisor.core.facts.model import Node
from support.core_play import NO, SETTINGS, D, Play, held, record, released, sample, standby


def vacate(play: Play) -> None:
    """The key is deleted; this node notes it and waits the vacancy out, but for the last moment."""
    note = play.one(cmd.MarkMissing, play.do(ev.LeaseSeen(Seen(None))))
    assert isinstance(note, cmd.MarkMissing)
    play.do(ev.MissingMarked(YES))
    play.do(ev.LeaseSeen(Seen(70, note.record)))
    assert not play.one(cmd.Acquire, play.wait(D - 1))
    play.poll()


def test_a_vacancy_is_waited_out_for_the_longest_lease_that_was_ever_seen_also_by_those_who_have_not_seen_it() -> None:
    """Found by bin/simulate (seed 12113): the node that noted a vacancy crashed, and knew only its own lease then."""
    play = Play().to_voting()
    play.do(ev.LeaseSeen(held(lease_ms=3 * D)))
    note = play.one(cmd.MarkMissing, play.do(ev.LeaseSeen(Seen(None))))
    assert isinstance(note, cmd.MarkMissing)
    assert note.record.lease_ms == 3 * D
    fresh = Play().to_voting()
    fresh.do(ev.LeaseSeen(Seen(70, note.record)))
    assert not fresh.one(cmd.Acquire, fresh.wait(3 * D - 1))


def test_a_node_that_has_just_started_takes_lease_and_height_of_a_deleted_record_from_the_last_heartbeat() -> None:
    """Found by bin/simulate: it waited for its own shorter lease, or signed what its own late head did not show."""
    play = Play().to_voting()
    kept = record(lease_ms=3 * D, height=5_000, term=12)
    note = play.one(cmd.MarkMissing, play.do(ev.LeaseSeen(Seen(None, kept=kept, kept_index=44))))
    assert isinstance(note, cmd.MarkMissing)
    assert (note.record.lease_ms, note.record.height, note.kept_index) == (3 * D, 5_000, 44)
    assert note.record.term >= 12


def test_a_note_that_was_refused_is_tried_again_with_the_newer_heartbeat() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(Seen(None, kept=record(), kept_index=44)))
    play.do(ev.MissingMarked(NO))
    play.do(ev.LeaseSeen(Seen(None, kept=record(lease_ms=2 * D), kept_index=51)))
    note = play.one(cmd.MarkMissing, play.wait(D // 10))
    assert isinstance(note, cmd.MarkMissing)
    assert (note.record.lease_ms, note.kept_index) == (2 * D, 51)


def test_a_chain_that_stands_still_is_waited_for_and_said_aloud() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(released(height=10**6)))
    play.do(ev.AcquireAnswered(YES))
    for _ in range(70):
        play.heartbeat()
        play.poll()
        play.wait(1_000)
    assert "is not above height 1000000" in play.said()
    assert "--chain-may-stand-still" in play.said()
    assert play.node.state is State.VOTING


def test_an_operator_may_overrule_the_height_rule_by_its_named_option() -> None:
    play = Play(Node(replace(SETTINGS, chain_may_stand_still=True))).to_voting()
    play.do(ev.LeaseSeen(released(height=10**6)))
    play.do(ev.AcquireAnswered(YES))
    play.heartbeat()
    assert not play.one(cmd.StopNeard, play.wait(SETTINGS.height_patience_ms - 1_000))
    assert play.one(cmd.StopNeard, play.wait(2_000))
    assert "as --chain-may-stand-still says" in play.said()


def test_a_deleted_record_does_not_delete_what_it_said_was_signed() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(held(height=5_000)))
    vacate(play)
    acquire = play.one(cmd.Acquire, play.wait(10))
    assert isinstance(acquire, cmd.Acquire)
    assert acquire.record.height >= 5_000


def test_the_record_is_never_older_than_the_term_it_follows() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(held(term=40)))
    vacate(play)
    acquire = play.one(cmd.Acquire, play.wait(10))
    assert isinstance(acquire, cmd.Acquire)
    assert acquire.record.term == 41


def test_a_record_of_an_older_term_does_not_lower_what_may_have_been_signed() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(held(60, term=9, height=5_000)))
    assert not play.one(cmd.Acquire, play.do(ev.LeaseSeen(replace(released(term=8, height=10), index=61))))
    acquire = play.one(cmd.Acquire, play.wait(D))
    assert isinstance(acquire, cmd.Acquire)
    assert acquire.record.height >= 5_000


def test_a_term_beyond_reason_is_not_followed() -> None:
    play = Play().to_voting()
    acquire = play.one(cmd.Acquire, play.do(ev.LeaseSeen(released(term=2**61))))
    assert isinstance(acquire, cmd.Acquire)
    assert acquire.record.term == 1


def test_a_new_holder_asks_for_the_height_at_once_and_not_at_the_next_regular_poll() -> None:
    play = Play().to_voting()
    play.wait(300)
    play.poll()
    play.do(ev.LeaseSeen(released(height=play.height)))
    assert play.one(cmd.PollNeard, [*play.do(ev.AcquireAnswered(YES)), *play.wait(50)])


# --- what a successor waits for


def follower(seen: Seen, **changes: object) -> Play:
    """It has the lease, and its first heartbeat has succeeded."""
    play = Play(Node(replace(SETTINGS, **changes))).to_voting()  # type: ignore[arg-type]
    play.do(ev.LeaseSeen(seen))
    if seen.record is not None and not seen.released:
        for _ in range(seen.record.lease_ms // SETTINGS.block_time_ms):
            play.wait(SETTINGS.block_time_ms)
            play.poll(head_age_ms=0)
        play.wait(SETTINGS.block_time_ms)
    play.do(ev.AcquireAnswered(YES))
    play.heartbeat()
    return play


def signs(out: list[cmd.Command]) -> bool:
    return Play.one(cmd.StopNeard, out) is not None


def test_rule_4_nothing_is_armed_before_the_chain_has_gone_on_by_two_blocks_since_the_predecessors_end() -> None:
    """The first of them is what it may have approved, the second is what this node signs upon."""
    play = follower(released())
    assert not signs(play.poll(head_age_ms=400)), "made before"
    play.now += SETTINGS.block_time_ms // 2
    assert not signs(play.poll(head_age_ms=0))
    assert play.node.leadership is not None
    assert not play.node.leadership.floor.accounted, "by half a block time it may be older"
    play.now += 600
    assert not signs(play.poll(head_age_ms=0))
    play.now += 600
    assert signs(play.poll(head_age_ms=0))


def test_the_first_block_after_heights_that_were_given_up_is_enough_to_sign_upon() -> None:
    """Two of the dead validator's own in a row: no block that there was when it ended was above the one before."""
    play = Play().to_voting()
    for block in range(14):
        play.now += 600
        play.poll(head_age_ms=0, born_ms=50_000 + 600 * block)
    head, clock_ms = play.height, 50_000 + 600 * 13
    play.do(ev.LeaseSeen(released(height=head + 1, chain_ms=clock_ms + 100)), after=100)
    play.do(ev.AcquireAnswered(YES))
    play.heartbeat()
    play.now += 25
    assert not signs(play.poll(head, head_age_ms=125, born_ms=clock_ms))
    assert play.node.leadership is not None
    assert (play.node.leadership.floor.accounted, play.node.leadership.floor.height) == (True, head + 1)
    play.now += 4_400
    assert signs(play.poll(head + 3, head_age_ms=0, born_ms=clock_ms + 4_525))


def test_whoever_has_looked_after_it_gave_its_key_up_is_followed_at_the_height_that_it_told() -> None:
    play = follower(released(height=1_002, final=True))
    assert play.height == 1_001
    play.now += 50
    assert signs(play.poll(head_age_ms=600)), "neard signs above its head"
    assert not any(isinstance(command, cmd.ProbeChain) for _, command in play.log)


def test_what_was_told_before_history_was_turned_back_is_not_believed() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(replace(held(), index=900)))
    play.do(ev.LeaseSeen(replace(released(height=1_001, final=True), index=400)))
    out: list[cmd.Command] = []
    while play.one(cmd.Acquire, out) is None:
        out = play.wait(600)
        out += play.poll(head_age_ms=0)
    assert play.node.candidate.attempt is not None
    assert not play.node.candidate.attempt.end.told


def test_whoever_was_silent_for_a_lease_ended_long_ago_and_nobody_waits_for_more_blocks() -> None:
    play = Play(Node(replace(SETTINGS, block_time_ms=300))).to_voting()
    play.do(ev.LeaseSeen(held()))
    out: list[cmd.Command] = []
    while play.one(cmd.Acquire, out) is None:
        out = play.wait(300)
        out += play.poll(head_age_ms=0)
    play.do(ev.AcquireAnswered(YES))
    assert signs(play.heartbeat())


def test_rule_4_nothing_is_armed_while_own_head_is_not_above_the_predecessors_height() -> None:
    play = follower(released(height=1_005))
    while play.height < 1_005:
        assert not signs(play.two_heads(head_age_ms=0)), play.height
    assert signs(play.poll(head_age_ms=0))


@pytest.mark.parametrize("wall_clock_error", [-9_000, 0])
def test_a_head_that_lags_counts_its_age_whatever_the_wall_clock_says(wall_clock_error: int) -> None:
    """Found by bin/simulate, when a wall clock was all that told how old a head is."""
    play = Play()
    play.to_voting()
    play.poll(head_age_ms=wall_clock_error, born_ms=50_000)
    at_tip = play.now
    play.do(ev.LeaseSeen(released()), after=3_000)
    play.do(ev.AcquireAnswered(YES))
    play.heartbeat()
    for late_ms in range(0, 2_400, 600):
        # Blocks of before the release, one after another.
        play.now += 10
        age_ms = play.now - at_tip - late_ms - 600
        assert not signs(play.poll(head_age_ms=age_ms + wall_clock_error, born_ms=50_600 + late_ms))
    for born_ms in (54_000, 54_600):
        play.now = max(play.now, at_tip + born_ms - 50_000)
        out = play.poll(head_age_ms=wall_clock_error, born_ms=born_ms)
    assert signs(out)


def test_a_late_head_of_a_producer_whose_clock_is_ahead_does_not_count_alone() -> None:
    """Found by bin/simulate (seed 1790614). The head of the next producer shows how old it is."""
    play = Play()
    play.to_voting()
    play.poll(head_age_ms=0, born_ms=50_000)
    play.do(ev.LeaseSeen(released()), after=3_000)
    play.do(ev.AcquireAnswered(YES))
    play.heartbeat()
    play.now += 600
    assert not signs(play.poll(head_age_ms=0, born_ms=53_600)), "made at 50,600, its clock is 3 s ahead"
    play.now += 600
    assert not signs(play.poll(head_age_ms=0, born_ms=51_200))
    assert play.node.leadership is not None
    assert not play.node.leadership.floor.accounted


def test_the_chains_clock_tells_a_successor_whose_neard_lags_and_whose_wall_clock_does_as_well() -> None:
    """Nothing of its own shows that its heads are 18 s old; the clock in the record does."""
    play = Play()
    play.to_voting()
    play.poll(head_age_ms=0, born_ms=50_000)
    play.do(ev.LeaseSeen(released(chain_ms=68_000)))
    play.do(ev.AcquireAnswered(YES))
    play.heartbeat()
    play.height -= 1
    for block in range(1, 31):
        play.now += 600
        assert not signs(play.poll(head_age_ms=0, born_ms=50_000 + block * 600)), block
        play.heartbeat()
    play.now += 600
    assert not signs(play.poll(head_age_ms=0, born_ms=68_600))
    play.now += 600
    assert signs(play.poll(head_age_ms=0, born_ms=69_200))


def test_one_head_whose_producers_clock_is_ahead_does_not_count_alone_there_either() -> None:
    """Found by bin/simulate (seed 3007308, as the models were then): all its heads looked new by its own clock."""
    play = Play()
    play.to_voting()
    play.poll(head_age_ms=0, born_ms=50_000)
    play.do(ev.LeaseSeen(released(chain_ms=53_000)), after=1_000)
    play.do(ev.AcquireAnswered(YES))
    play.heartbeat()
    play.node = replace(play.node, chain=replace(play.node.chain, heads=()))
    for born_ms in (51_000, 51_600, 57_200, 52_800):
        play.now += 1_200
        assert not signs(play.poll(head_age_ms=0, born_ms=born_ms)), born_ms
    assert play.node.leadership is not None
    assert not play.node.leadership.floor.accounted


def test_a_vacancy_hands_on_by_when_the_last_holder_is_gone_as_its_last_heartbeat_told() -> None:
    """Found by bin/simulate (seed 1392): the lease was deleted, and a neard that lagged took old heads for new."""
    play = Play()
    play.to_voting()
    play.poll(head_age_ms=0, born_ms=50_000)
    kept = record(chain_ms=68_000)
    note = play.one(cmd.MarkMissing, play.do(ev.LeaseSeen(Seen(None, kept=kept, kept_index=44))))
    assert isinstance(note, cmd.MarkMissing)
    assert note.record.chain_ms == 68_000 + lease.longest_hold_ms(D)
    reader = Play().to_voting()
    reader.do(ev.LeaseSeen(Seen(70, note.record)))
    out: list[cmd.Command] = []
    while reader.one(cmd.Acquire, out) is None:
        out = reader.wait(600)
        out += reader.poll(head_age_ms=0)
    assert reader.node.candidate.attempt is not None
    assert reader.node.candidate.attempt.end.chain_ms == note.record.chain_ms


def test_a_clock_of_the_chain_beyond_reason_is_not_believed() -> None:
    play = Play()
    play.to_voting()
    play.poll(head_age_ms=0, born_ms=50_000)
    play.do(ev.LeaseSeen(released(chain_ms=10**12)))
    play.do(ev.AcquireAnswered(YES))
    play.heartbeat()
    for born_ms in (50_600, 51_200):
        play.now += 600
        out = play.poll(head_age_ms=0, born_ms=born_ms)
    assert signs(out)


def test_after_a_halt_of_an_hour_the_second_block_is_signed_upon() -> None:
    """What was given up meanwhile is in the height of the first."""
    play = Play()
    play.to_voting()
    play.poll(head_age_ms=0)
    play.do(ev.LeaseSeen(released()), after=1_800_000)
    play.do(ev.AcquireAnswered(YES))
    play.heartbeat()
    play.now += 1_800_000
    play.node = replace(play.node, leadership=replace(play.node.leadership, deadline=play.now + D))  # type: ignore[type-var]
    # All have waited as long as the old signer.
    height = play.height + 1 + heads.skips(3_600_000, SETTINGS.skip_ms)
    assert not signs(play.poll(height, head_age_ms=0))
    assert play.node.leadership is not None
    assert play.node.leadership.floor.accounted


# --- a chain that is slow, and a neard that is behind


def test_a_chain_that_is_slow_is_no_reason_to_give_the_lease_back() -> None:
    """Skips of 2.0, 2.2, 2.4 s in a row are ordinary with a quarter of the stake away."""
    play = follower(released())
    play.poll(head_age_ms=0)
    for _ in range(2 * D // 1_000):
        play.now += 1_000
        play.heartbeat()
        age_ms = play.now - (play.node.chain.heads[-1].made_at)
        play.do(play.polled(sample(play.height, head_age_ms=age_ms)))
    assert not play.node.sync.synced
    assert play.node.leadership is not None
    assert not play.node.leadership.release.reason


@pytest.mark.parametrize("ready", [True, False])
def test_when_somebody_else_has_a_newer_block_it_is(ready: bool) -> None:
    play = follower(released())
    play.poll(head_age_ms=0)
    for _ in range(2 * D // 1_000):
        play.now += 1_000
        play.heartbeat()
        age_ms = play.now - (play.node.chain.heads[-1].made_at)
        play.do(play.polled(sample(play.height, head_age_ms=age_ms)))
        if play.node.cluster.reading:
            play.do(ev.MembersSeen(play.now, (standby("b", ready=ready),)))
    assert (play.node.leadership is None or bool(play.node.leadership.release.reason)) is ready


def test_a_neard_that_is_behind_gives_the_lease_back_though_its_head_moves() -> None:
    play = follower(released())
    for _ in range(D // 600 + 1):
        play.now += 600
        if play.node.leadership is not None:
            play.heartbeat()
        out = play.poll(head_age_ms=9_000)
    assert play.node.leadership is None or play.node.leadership.release.reason, out
