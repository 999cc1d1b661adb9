"""SigningCheck of signing: what the chain counts of a validator, what is told of it, and when the alarm is raised."""

from __future__ import annotations

from dataclasses import replace

import pytest

from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.facts.duty import Duty
from near_supervisor.core.facts.signing_check import Counted, Finding, SigningCheck, begin, compare, fold
from near_supervisor.core.rules.signing_check import ALARM_EVERY_MS, LOOK_AGAIN_MS, LOOK_MS, TELL_AFTER_MS
from support.core_play import Play

NONE = Duty()
TERM = 8


def counted(blocks: tuple[int, int], chunks: tuple[int, int], endorsements: tuple[int, int], start: int = 0) -> Counted:
    return Counted(start, (Duty(*blocks), Duty(*chunks), Duty(*endorsements)))


BEFORE = counted((5, 5), (50, 49), (500, 490))
MADE, MISSING, UNKNOWN = Finding.MADE, Finding.MISSING, Finding.UNKNOWN


def findings(proof: SigningCheck) -> tuple[Finding, ...]:
    return tuple(tally.finding for tally in proof.tallies)


@pytest.mark.parametrize(
    ("after", "found", "text"),
    [
        (BEFORE, (UNKNOWN, UNKNOWN, UNKNOWN), "0 of 0 blocks, 0 of 0 chunks, 0 of 0 endorsements"),
        (
            counted((6, 6), (53, 50), (520, 509)),
            (MADE, MADE, MADE),
            "1 of 1 blocks, 1 of 3 chunks, 19 of 20 endorsements",
        ),
        (
            counted((6, 5), (52, 49), (519, 490)),
            (UNKNOWN, MISSING, UNKNOWN),
            "0 of 1 blocks, 0 of 2 chunks, 0 of 19 endorsements",
        ),
        (
            counted((7, 5), (50, 49), (520, 490)),
            (MISSING, UNKNOWN, MISSING),
            "0 of 2 blocks, 0 of 0 chunks, 0 of 20 endorsements",
        ),
    ],
)
def test_each_kind_is_judged_by_itself(after: Counted, found: tuple[Finding, ...], text: str) -> None:
    proof = fold(begin(TERM, BEFORE, 0), after, 0)
    assert findings(proof) == found
    assert proof.text() == text


def test_what_arrived_once_may_stop_to() -> None:
    proof = fold(begin(TERM, BEFORE, 0), counted((6, 6), (52, 51), (520, 509)), 0)
    assert not proof.missing
    assert fold(proof, counted((7, 6), (53, 51), (539, 509)), 0).missing == ()
    proof = fold(proof, counted((8, 6), (54, 51), (540, 509)), 0)
    assert proof.missing == ("blocks", "chunks", "endorsements")
    assert fold(proof, counted((9, 7), (54, 51), (540, 509)), 0).missing == ("chunks", "endorsements")


def test_an_epoch_begins_to_count_anew() -> None:
    proof = fold(begin(TERM, BEFORE, 0), counted((6, 5), (51, 49), (510, 490)), 0)
    proof = fold(proof, counted((1, 0), (0, 0), (9, 0), start=100), 0)
    assert findings(proof) == (MISSING, UNKNOWN, UNKNOWN), "what was owed in vain before counts"
    assert proof.text() == "0 of 2 blocks, 0 of 1 chunks, 0 of 19 endorsements"


def test_without_a_seat_nothing_is_owed() -> None:
    proof = begin(TERM, Counted(0, ()), 0)
    assert (proof.known, proof.missing, proof.text()) == (False, (), "no validator of this epoch")
    seated = fold(proof, counted((1, 1), (0, 0), (3, 3), start=100), 0)
    assert seated.seated
    assert fold(seated, Counted(200, ()), 0).text() == "no validator of this epoch"


# --- the rules


def signing() -> Play:
    """A validator whose counters were seen once."""
    play = Play().to_validating()
    play.do(ev.CountersSeen(TERM, BEFORE))
    return play


def see(play: Play, seen: Counted, after: int = LOOK_MS) -> list[cmd.Command]:
    """Some time later the chain has counted so much; neard and Consul go on to answer."""
    out: list[cmd.Command] = []
    for _ in range(after // 1_000):
        out += play.wait(1_000)
        out += play.poll(target=play.height + 2, head_age_ms=0)
        out += play.heartbeat()
    return out + play.do(ev.CountersSeen(TERM, seen))


def alarms(out: list[cmd.Command]) -> list[str]:
    return [one.message for one in out if isinstance(one, cmd.Log) and "the chain takes no" in one.message]


def test_a_new_signer_looks_at_once_and_then_now_and_then() -> None:
    play = Play().to_validating()
    assert any(isinstance(command, cmd.ReadCounters) for _, command in play.log)
    play.do(ev.CountersSeen(TERM, BEFORE))
    assert not play.one(cmd.ReadCounters, play.wait(LOOK_MS - 1))
    assert play.one(cmd.ReadCounters, play.wait(1))
    assert not play.one(cmd.ReadCounters, play.wait(LOOK_MS)), "one question at a time"


def test_what_arrived_is_told_once_and_noted_in_the_history() -> None:
    play = signing()
    out = see(play, counted((6, 6), (52, 51), (520, 509)))
    note = play.one(cmd.RecordSigningCheck, out)
    assert note == cmd.RecordSigningCheck(TERM, "1 of 1 blocks, 2 of 2 chunks, 19 of 20 endorsements")
    out = see(play, counted((7, 7), (53, 52), (530, 519)), LOOK_AGAIN_MS)
    assert not play.one(cmd.RecordSigningCheck, out)
    assert len([one for one in out if isinstance(one, cmd.ReadCounters)]) == 1, "rarely, as all is well"


def test_after_a_minute_it_is_told_what_there_is() -> None:
    play = signing()
    assert not play.one(cmd.RecordSigningCheck, see(play, counted((5, 5), (51, 50), (520, 509)), TELL_AFTER_MS - 5_000))
    assert play.one(cmd.RecordSigningCheck, see(play, counted((5, 5), (51, 50), (520, 509)), 6_000))


def test_a_validator_of_which_nothing_arrives_raises_the_alarm_and_stays() -> None:
    play = signing()
    out = see(play, counted((5, 5), (52, 49), (530, 490)))
    (text,) = alarms(out)
    assert "no chunks and no endorsements" in text
    assert "0 of 2 chunks" in text
    assert not alarms(see(play, counted((5, 5), (52, 49), (540, 490)), ALARM_EVERY_MS - 10_000))
    assert alarms(see(play, counted((5, 5), (53, 49), (550, 490)), 15_000))
    assert play.node.leadership is not None
    assert not play.node.leadership.release.reason, "to change places would be to flap"
    see(play, counted((5, 5), (54, 50), (560, 500)))
    assert "arrives on the chain again" in play.said()


@pytest.mark.parametrize("event", [ev.CountersSeen(TERM - 1, BEFORE), ev.CountersSeen(TERM, None)])
def test_an_answer_that_says_nothing_of_this_term_changes_nothing(event: ev.CountersSeen) -> None:
    play = Play().to_validating()
    play.do(event)
    assert play.node.signing.check is None
    assert play.one(cmd.ReadCounters, play.wait(LOOK_MS))


# --- somebody else


@pytest.mark.parametrize(
    ("made", "words"),
    [
        pytest.param((7, 70), [], id="all of it is its own"),
        pytest.param((5, 68), [], id="two of each were under way"),
        pytest.param((4, 70), ["3 blocks, of which it has made 0"], id="a block too many"),
        pytest.param((4, 60), ["3 blocks", "20 chunks, of which it has made 10"], id="of both"),
        pytest.param(None, [], id="neard does not say"),
    ],
)
def test_what_this_neard_has_not_made_is_somebody_elses(made: tuple[int, int] | None, words: list[str]) -> None:
    proof = fold(begin(TERM, BEFORE, 0, (4, 50)), counted((8, 8), (70, 69), (600, 590)), 0)
    found = compare(proof, made, 0).foreign
    assert len(found) == len(words)
    assert all(word in text for word, text in zip(words, found, strict=True))
    assert not compare(proof, made, -1).foreign, "it was asked before the chain was"
    assert not compare(replace(proof, made_before=None), made, 0).foreign


def test_what_neard_did_not_say_at_first_is_compared_from_when_it_does() -> None:
    proof = fold(begin(TERM, BEFORE, 0, None), counted((9, 9), (60, 59), (520, 509)), 1)
    assert not compare(proof, (0, 0), 1).foreign, "nobody knows what it had made before"
    proof = fold(proof, counted((9, 9), (60, 59), (530, 519)), 2, (0, 3))
    assert not compare(proof, (0, 3), 2).foreign
    proof = compare(fold(proof, counted((13, 13), (64, 63), (560, 549)), 3, (1, 5)), (1, 6), 3)
    assert proof.foreign == ("4 blocks, of which it has made 1",)


def test_a_counter_that_fell_is_that_of_another_process_and_compared_anew() -> None:
    proof = fold(begin(TERM, BEFORE, 0, (7, 70)), counted((8, 8), (53, 52), (520, 510)), 1)
    proof = compare(proof, (0, 1), 1)
    assert (proof.foreign, proof.made_before) == ((), None)
    proof = compare(fold(proof, counted((9, 9), (54, 53), (530, 520)), 2, (1, 2)), (1, 2), 2)
    assert not proof.foreign
    assert compare(fold(proof, counted((13, 13), (55, 54), (540, 530)), 3, (1, 3)), (1, 3), 3).foreign


def test_one_look_at_metrics_that_failed_does_not_silence_the_term() -> None:
    play = Play().to_validating()
    play.wait(600)
    play.poll(target=play.height + 2, head_age_ms=0, made=None)
    play.do(ev.CountersSeen(TERM, BEFORE))
    said: list[cmd.Command] = []
    for blocks in range(5, 15):
        play.wait(1_000)
        said += play.poll(target=play.height + 2, head_age_ms=0, made=(0, 0))
        said += play.heartbeat()
        play.wait(LOOK_MS)
        said += play.heartbeat()
        said += play.do(ev.CountersSeen(TERM, counted((blocks, blocks), (50, 49), (520, 510))))
    assert any(isinstance(one, cmd.Log) and "SOMEBODY ELSE SIGNS" in one.message for one in said)


def test_a_foreign_signer_is_shouted_about_once_a_minute() -> None:
    play = Play().to_validating()
    play.wait(600)
    play.poll(target=play.height + 2, head_age_ms=0, made=(0, 0))
    play.do(ev.CountersSeen(TERM, BEFORE))
    seen = counted((9, 9), (50, 49), (520, 510))

    def shouts(after: int) -> int:
        out: list[cmd.Command] = []
        for _ in range(after // 1_000):
            out += play.wait(1_000)
            out += play.poll(target=play.height + 2, head_age_ms=0, made=(1, 0))
            out += play.heartbeat()
            if play.node.signing.checking:
                out += play.do(ev.CountersSeen(TERM, seen))
        return sum(isinstance(one, cmd.Log) and "SOMEBODY ELSE SIGNS" in one.message for one in out)

    assert shouts(10_000) == 1
    assert shouts(ALARM_EVERY_MS - 10_000) == 0
    assert shouts(20_000) == 1
