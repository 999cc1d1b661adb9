"""The core's own ``dataclass`` and ``replace`` do what the standard ones do."""

from __future__ import annotations

import dataclasses

import pytest

from near_supervisor.core.facts.model import Node, Starts
from near_supervisor.core.facts.values import dataclass, replace
from support.core_play import SETTINGS


@dataclass(frozen=True)
class Mine:
    first: int
    second: str = "x"


@dataclasses.dataclass(frozen=True)
class Standard:
    first: int
    second: str = "x"


def test_a_value_is_changed_into_another_and_the_old_one_left_alone() -> None:
    node = Node(SETTINGS)
    assert replace(node, starts=replace(node.starts, ends=3)) == dataclasses.replace(node, starts=Starts(ends=3))
    assert node == Node(SETTINGS)
    assert hash(replace(SETTINGS, lease_ms=5_000)) == hash(dataclasses.replace(SETTINGS, lease_ms=5_000))


@pytest.mark.parametrize("given", [(1,), (1, "y")])
def test_a_value_is_made_like_a_standard_one(given: tuple[int, str]) -> None:
    mine, standard = Mine(*given), Standard(*given)
    assert dataclasses.astuple(mine) == dataclasses.astuple(standard)
    assert (mine, hash(mine)) == (Mine(*given), hash(Mine(*given)))
    assert repr(mine).partition("(")[2] == repr(standard).partition("(")[2]
    assert Mine(second="z", first=2) == Mine(2, "z")


def test_a_value_is_frozen_and_wants_its_fields() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Mine(1).first = 2  # type: ignore[misc]
    for wrong in ((), (1, "y", 3)):
        with pytest.raises(TypeError):
            Mine(*wrong)
