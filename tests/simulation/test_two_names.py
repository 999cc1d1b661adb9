"""Two names for one validator key, on hostile schedules: never two signers, and no height twice."""

from __future__ import annotations

import pytest

from cluster_sim.schedule import Profile, play
from cluster_sim.two_names import TwoNames

# In each half a break of one half of the rule is noticed (tests/breaks/of_keys.py).
SEEDS = (*range(4_200_750, 4_200_850), *range(4_201_200, 4_201_300))


@pytest.mark.timeout(900)
def test_two_names_for_one_key_never_sign_at_one_time() -> None:
    signed = 0
    for seed in SEEDS:
        outcome = play(seed, Profile.SAFETY, make=TwoNames)
        assert not outcome.failure, f"seed {seed}: {outcome.failure}"
        signed += outcome.signed
    assert signed > len(SEEDS) * 3 // 4
