"""What the chain's headers say of an event, beside what the referee says, who sees every signature."""

from __future__ import annotations

import pytest

from e2e.localnets import needs_the_log
from near_bench.rows_by_headers import GAP, ROWS_BY_HEADERS, WITHOUT
from near_bench.stage_by_headers import HeaderStage
from near_localnet.layout import SIGNER
from near_measure.clock import boot_ns
from near_measure.stage import Stage

ROWS = {row.name: row for row in ROWS_BY_HEADERS}
AGREE_S = 2.0
"""An approval comes before the block that has it, and where a height is skipped that takes time."""


@needs_the_log
@pytest.mark.parametrize("name", ["promote", "host-loss"])
def test_no_gap_that_the_referee_saw_is_missing_in_the_headers(stage: Stage, name: str) -> None:
    by_headers = HeaderStage(stage.net, stage.options)
    new, since = by_headers.roles()[1], boot_ns()
    values = ROWS[name].play(by_headers)
    seen = stage.net.judge.gap(SIGNER, new.home_name, since)
    assert seen is not None
    assert values[GAP] >= seen.gap_ms / 1000 - AGREE_S
    if name == "host-loss":
        assert values[WITHOUT] > 0
    stage.require_clean()
