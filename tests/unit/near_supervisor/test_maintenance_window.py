"""When a hand-over costs no block and no chunk: what is read of neard's windows, and what the holder does with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from near_ha.records.switchover import Action, Phase, Switchover
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.facts.answer import YES
from near_supervisor.core.facts.maintenance_window import Duties, Timing, advise, needed
from near_supervisor.core.rules.switchover import BEST_HEAD_TAKES
from support.core_play import SETTINGS, Play, standby

BLOCK_MS = SETTINGS.block_time_ms
HEAD = 1_000
FAR = Duties(((HEAD + 20, HEAD + 60),))
REQUEST = Switchover("r1", Action.PROMOTE, "b", "alice", "", 0, term=8)


@pytest.mark.parametrize(
    ("block_time_ms", "hot", "start_ms", "heights"),
    [
        (600, True, None, 2),
        (100, True, None, 7),
        (600, False, 1_000, 7),
        (600, False, None, 14),
        (600, False, 60_000, 105),
    ],
)
def test_how_many_heights_a_hand_over_takes(block_time_ms: int, hot: bool, start_ms: int | None, heights: int) -> None:
    assert needed(replace(SETTINGS, block_time_ms=block_time_ms), hot, start_ms) == heights


@pytest.mark.parametrize(
    ("windows", "timing", "height"),
    [
        pytest.param([(HEAD, HEAD + 7)], Timing.GO, 0, id="just long enough: it begins after the next head"),
        pytest.param([(HEAD + 5, HEAD + 10)], Timing.GO, 0, id="one of the next heads is the one below it"),
        pytest.param([(HEAD + 6, HEAD + 11)], Timing.WAIT, HEAD + 6, id="it is too early for that"),
        pytest.param([(HEAD, HEAD + 6), (HEAD + 9, HEAD + 20)], Timing.WAIT, HEAD + 9, id="too short, the next is not"),
        pytest.param([(HEAD + 52, HEAD + 90)], Timing.GO, 0, id="too far away"),
        pytest.param([(HEAD + 51, HEAD + 90)], Timing.WAIT, HEAD + 51, id="just near enough"),
        pytest.param([], Timing.GO, 0, id="none"),
    ],
)
def test_windows(windows: list[tuple[int, int]], timing: Timing, height: int) -> None:
    """Five heights are needed, thirty seconds are there: fifty heights."""
    advice = advise(Duties(tuple(windows)), SETTINGS, HEAD, 5, 30_000)
    assert (advice.timing, advice.height) == (timing, height), advice.text


@pytest.mark.parametrize(
    ("start", "timing", "height"),
    [
        pytest.param(HEAD - 10, Timing.WAIT, HEAD + 40, id="its first heights"),
        pytest.param(HEAD - 100, Timing.GO, 0, id="in the middle"),
        pytest.param(HEAD - 9_945, Timing.GO, 0, id="its last heights, and the next one is too far away"),
        pytest.param(HEAD - 9_999, Timing.GO, 0, id="its last height, and the next one's edge is too far away"),
        pytest.param(HEAD - 10_000, Timing.READ, 0, id="over"),
    ],
)
def test_the_ends_of_an_epoch_are_avoided(start: int, timing: Timing, height: int) -> None:
    duties = Duties(((start, start + 10_000),), start, 10_000)
    advice = advise(duties, SETTINGS, HEAD, 5, 30_000)
    assert (advice.timing, advice.height) == (timing, height), advice.text


def test_the_next_epoch_is_waited_for_where_only_the_edge_is_in_the_way() -> None:
    """A validator that owes a block at every third height would wait in vain."""
    ending = Duties(((HEAD, HEAD + 7),), HEAD - 193, 200)
    advice = advise(ending, SETTINGS, HEAD, 5, 30_000)
    assert (advice.timing, advice.height) == (Timing.WAIT, HEAD + 7)
    short = replace(ending, windows=((HEAD, HEAD + 3), (HEAD + 4, HEAD + 7)))
    assert advise(short, SETTINGS, HEAD, 5, 30_000).timing is Timing.GO
    assert advise(ending, SETTINGS, HEAD, 5, 9_000).timing is Timing.GO


def asked(request: Switchover = REQUEST) -> tuple[Play, list[cmd.Command]]:
    """A holder with its head at HEAD, and what it does when it knows the members."""
    play = Play(height=HEAD - 6).to_validating()
    for _ in range(2):
        play.wait(BLOCK_MS)
        play.poll(target=play.height + 2, head_age_ms=0)
    assert play.height == HEAD
    play.do(ev.RequestSeen(70, request))
    return play, play.do(ev.MembersSeen(play.now, (standby("b"),)))


def move(play: Play, out: list[cmd.Command]) -> Switchover:
    command = play.one(cmd.MoveRequest, out)
    assert isinstance(command, cmd.MoveRequest), out
    return command.request


def test_a_window_is_waited_for_and_told_once() -> None:
    play, out = asked()
    assert play.one(cmd.ReadDuties, out)
    assert not play.one(cmd.MoveRequest, out)
    told = move(play, play.do(ev.DutiesSeen("r1", FAR)))
    assert told.phase is Phase.ASKED
    assert "height 1020" in told.note
    play.do(ev.RequestMoved("r1", YES))
    play.do(ev.RequestSeen(71, told))
    for _ in range(14):
        play.wait(BLOCK_MS)
        play.heartbeat()
        assert not play.one(cmd.MoveRequest, play.poll(target=play.height + 2, head_age_ms=0))
    play.wait(BLOCK_MS)
    accepted = move(play, play.poll(target=play.height + 2, head_age_ms=0))
    assert (accepted.phase, play.height) == (Phase.ACCEPTED, HEAD + 15)
    assert "without a block or chunk" in accepted.note


def test_now_asks_for_no_window() -> None:
    play, out = asked(replace(REQUEST, now=True))
    assert not play.one(cmd.ReadDuties, out)
    assert move(play, out).phase is Phase.ACCEPTED


def test_what_neard_does_not_tell_is_not_waited_for() -> None:
    play, _ = asked()
    accepted = move(play, play.do(ev.DutiesSeen("r1", None, "METHOD_NOT_FOUND")))
    assert accepted.phase is Phase.ACCEPTED
    assert "METHOD_NOT_FOUND" in accepted.note


def test_an_answer_that_does_not_come_is_waited_for_half_of_the_time() -> None:
    play, _ = asked(replace(REQUEST, timeout_ms=4_000))
    assert not play.one(cmd.MoveRequest, play.wait(1_900))
    assert move(play, play.wait(200)).phase is Phase.ACCEPTED


def test_the_answer_for_another_request_is_none() -> None:
    play, _ = asked()
    assert not play.one(cmd.MoveRequest, play.do(ev.DutiesSeen("r0", None, "old")))


def test_after_the_end_of_an_epoch_it_is_asked_again_once_a_block() -> None:
    play, _ = asked()
    ended = Duties((), HEAD - 100, 100)
    play.wait(BLOCK_MS)
    assert play.one(cmd.ReadDuties, play.do(ev.DutiesSeen("r1", ended)))
    assert not play.one(cmd.ReadDuties, play.do(ev.DutiesSeen("r1", ended)))
    assert play.one(cmd.ReadDuties, play.wait(BLOCK_MS))


def test_it_begins_right_below_heights_that_nothing_is_owed_of() -> None:
    """Accepted a few heads before, it lets those go by whose next heights are this validator's."""
    play, _ = asked()
    accepted = move(play, play.do(ev.DutiesSeen("r1", Duties(((HEAD + 4, HEAD + 9),)))))
    assert accepted.phase is Phase.ACCEPTED
    play.do(ev.RequestMoved("r1", YES))
    for height in range(HEAD + 1, HEAD + 4):
        play.wait(BLOCK_MS)
        play.heartbeat()
        out = play.poll(target=height + 1, head_age_ms=0)
        assert (play.one(cmd.StopNeard, out) is not None) == (height == HEAD + 3)


def test_where_no_such_head_comes_it_begins_all_the_same() -> None:
    play, _ = asked()
    move(play, play.do(ev.DutiesSeen("r1", Duties(()))))
    play.do(ev.RequestMoved("r1", YES))
    heads = 0
    while not play.one(cmd.StopNeard, play.wait(BLOCK_MS)):
        heads += 1
        play.heartbeat()
        assert not play.one(cmd.StopNeard, play.poll(target=play.height + 2, head_age_ms=0))
    assert heads == BEST_HEAD_TAKES - 1
