"""The core's own ``replace`` does what the one of ``dataclasses`` does."""

from __future__ import annotations

import dataclasses

from near_supervisor.core.evolve import replace
from near_supervisor.core.model import Node
from support.core_play import SETTINGS


def test_it_makes_the_same_value_and_leaves_the_old_one_alone() -> None:
    node = Node(SETTINGS)
    assert replace(node, restarts=3) == dataclasses.replace(node, restarts=3)
    assert node == Node(SETTINGS)
    assert hash(replace(SETTINGS, lease_ms=5_000)) == hash(dataclasses.replace(SETTINGS, lease_ms=5_000))
