"""Two names for one validator key, on hostile schedules: never two signers, and no height twice."""

from __future__ import annotations

import pytest

from near_sim.schedule import Profile, play
from near_sim.two_names import TwoNames

FROM = 4_200_700
SCHEDULES = 200


@pytest.mark.timeout(900)
def test_two_names_for_one_key_never_sign_at_one_time() -> None:
    signed = 0
    for seed in range(FROM, FROM + SCHEDULES):
        outcome = play(seed, Profile.SAFETY, make=TwoNames)
        assert not outcome.failure, f"seed {seed}: {outcome.failure}"
        signed += outcome.signed
    assert signed > SCHEDULES * 3 // 4
