"""How many chunks a validator may still miss, and when that is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from near_supervisor.core import events as ev
from near_supervisor.core.facts.duty import Duty
from near_supervisor.core.facts.early_kickout import FEW, chunks_left
from near_supervisor.core.facts.signing_check import Counted
from near_supervisor.core.rules.signing_check import FEW_SAID_EVERY_MS
from support.core_play import Play

WHOLE = Duty(1_000, 1_000)


def is_out(shard: Duty) -> bool:
    """As the NEP has it."""
    return shard.expected - shard.produced >= 100 and shard.produced * 100 < 80 * shard.expected


@given(st.integers(0, 2_000), st.integers(0, 2_000))
def test_it_is_the_first_number_with_which_it_has_come_to_that(made: int, missed: int) -> None:
    left = chunks_left([Duty(made + missed, made)])
    assert left is not None
    assert is_out(Duty(made + missed + left, made))
    assert left == 0 or not is_out(Duty(made + missed + left - 1, made))


@pytest.mark.parametrize(
    ("shards", "left"),
    [
        ((), None),
        ((Duty(0, 0),), 100),
        ((WHOLE,), 251),
        ((WHOLE, Duty(60, 0)), 40),
    ],
)
def test_the_worst_shard_counts(shards: tuple[Duty, ...], left: int | None) -> None:
    assert chunks_left(shards) == left


def seen(play: Play, shard: Duty) -> str:
    """The chain's counters are read once more; what has been said until then."""
    leadership = play.node.leadership
    assert leadership is not None
    play.do(ev.CountersSeen(leadership.term, Counted(0, (Duty(), Duty(), Duty()), (shard,))))
    return play.said()


def test_that_few_are_left_is_said_now_and_then() -> None:
    play = Play().to_validating()
    assert "early kickout" not in seen(play, Duty(99 - FEW, 0))
    assert f"this validator may miss {FEW} more chunks of a shard in this epoch" in seen(play, Duty(100 - FEW, 0))
    assert seen(play, Duty(101 - FEW, 0)).count("early kickout") == 1
    play.now += FEW_SAID_EVERY_MS
    assert f"may miss {FEW - 2} more chunks" in seen(play, Duty(102 - FEW, 0))
