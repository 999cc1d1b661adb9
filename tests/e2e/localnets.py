"""A localnet for tests: with the simulated neard, or with the real one that NEARD names.

What a real one does not tell is not asked of it: a test that needs the log of all signatures, or a knob of the
simulated neard, is skipped with that reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from near_bench.stage_by_headers import HeaderStage
from near_localnet import pair
from near_localnet.layout import Validator
from near_localnet.options import Options, chosen_neard
from near_localnet.problem import Problem
from near_measure.signatures import Signature
from near_measure.stage import Stage, layout_of_own, raised

NEARD = chosen_neard()
SLACK_S = 25.0 if NEARD else 3.0
"""Beyond a bound, on a busy machine. On a real chain of four, where the validator's own heights are a rarity, the gaps
of `bin/bench chain` are within the bounds; what a test waits for beside them is an end of neard (up to 8 s), a start
and its peers (up to 10 s), and blocks that come late."""
REAL_BLOCK_MS = 600
OTHERS_STAKE = 30
"""So that a height of the validator itself, which nobody else makes a block for, is as rare as on mainnet."""

NEEDS_THE_LOG = "it needs the log of all signatures, which a real neard does not write"

simulated_only = pytest.mark.skipif(bool(NEARD), reason="it turns a knob of the simulated neard")
needs_the_log = pytest.mark.skipif(bool(NEARD), reason=NEEDS_THE_LOG)


class RealStage(HeaderStage):
    """What can be seen of a real neard: headers, states, processes."""

    takeover_timeout_s = 60.0
    """It takes four headers to see that somebody signs again."""

    def signatures(self) -> list[Signature]:
        """Skips the test."""
        pytest.skip(NEEDS_THE_LOG)

    def blocks(self) -> list[Signature]:
        """Skips the test."""
        pytest.skip(NEEDS_THE_LOG)

    def require_silent(self, host: Validator, since_ns: int) -> None:
        """Raises Problem when the host has a neard that may sign; what it has signed since then nobody tells."""
        status = pair.status(self.net.layout, host)
        if status is not None and status["neard"]["armed"]:
            raise Problem(f"{host.name} has a neard with the key.")


@contextmanager
def localnet_of_own(options: Options) -> Iterator[Stage]:
    """Up for the block, down in any case; a real neard has block times and stakes of its own."""
    kind: type[Stage] = Stage
    if NEARD:
        kind = RealStage
        options = replace(options, neard=NEARD, block_time_ms=REAL_BLOCK_MS, others_stake=OTHERS_STAKE)
    with layout_of_own() as layout, raised(options, layout, kind=kind) as stage:
        yield stage
