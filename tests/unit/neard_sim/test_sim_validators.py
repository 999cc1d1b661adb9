"""Seats, turns and kickouts."""

from __future__ import annotations

import pytest

from neard_sim.validators import Counters, Epoch, EpochRules, Validator, next_epoch, production_cycle


def seats(*stakes: int) -> tuple[Validator, ...]:
    return tuple(Validator(f"v{index}", f"key{index}", stake) for index, stake in enumerate(stakes))


@pytest.mark.parametrize(
    ("stakes", "cycle"),
    [
        ((5, 5, 5, 5), (0, 1, 2, 3)),
        ((7,), (0,)),
        ((2, 1, 1), (0, 1, 2, 0)),
    ],
)
def test_turns_follow_stake(stakes: tuple[int, ...], cycle: tuple[int, ...]) -> None:
    assert production_cycle(seats(*stakes)) == cycle


def test_a_tiny_stake_still_has_a_turn_and_cycles_stay_short() -> None:
    cycle = production_cycle(seats(10**30, 10**27, 1))
    assert len(cycle) < 200
    assert set(cycle) == {0, 1, 2}
    assert cycle.count(0) > 90


@pytest.mark.parametrize(
    ("names", "wanted"),
    [({"v0", "v1"}, False), ({"v0", "v1", "v2"}, True), ({"stranger", "v0", "v1"}, False)],
)
def test_more_than_two_thirds_are_needed(names: set[str], wanted: bool) -> None:
    assert Epoch(0, seats(1, 1, 1, 1), ()).has_supermajority(names) is wanted


def test_exactly_two_thirds_are_not_enough() -> None:
    assert not Epoch(0, seats(1, 1, 1), ()).has_supermajority({"v0", "v1"})


def test_epochs_are_cut_by_height() -> None:
    rules = EpochRules(genesis_height=10, epoch_length=5)
    assert [rules.epoch_of(height) for height in (10, 11, 15, 16, 21)] == [0, 0, 0, 1, 2]
    assert rules.start_of(1) == 16


@pytest.mark.parametrize(
    ("counters", "reason"),
    [
        (Counters(9, 10, 10, 10), None),
        (Counters(8, 10, 10, 10), "NotEnoughBlocks"),
        (Counters(10, 10, 8, 10), "NotEnoughChunks"),
        (Counters(), None),
    ],
)
def test_kickout_acts_two_epochs_after_the_fault(counters: Counters, reason: str | None) -> None:
    good = Counters(10, 10, 10, 10)
    everyone = seats(1, 1, 1)
    first = Epoch(0, everyone, everyone)
    second = next_epoch(first, {"v0": counters, "v1": good, "v2": good}, EpochRules(0, 10))
    assert second.validators == everyone, "the epoch right after is not touched"
    third = next_epoch(second, {}, EpochRules(0, 10))
    assert (everyone[0] in third.validators) is (reason is None)
    assert dict(second.kickouts).get("v0") == reason


def test_the_best_one_stays_if_all_fail() -> None:
    everyone = seats(1, 1)
    bad = {"v0": Counters(1, 10), "v1": Counters(5, 10)}
    assert next_epoch(Epoch(0, everyone, everyone), bad, EpochRules(0, 10)).next_validators == everyone[1:]
