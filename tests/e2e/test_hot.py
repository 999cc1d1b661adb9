"""Strategy hot: a takeover without a start of neard, and what follows when it cannot be done after all."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from e2e.localnets import SLACK_S, localnet_of_own
from near_bench import plays, plays_on_request
from near_bench.measure import Values
from near_ha.records.states import State
from near_localnet import pair
from near_localnet.options import Options
from near_measure.clock import boot_ns, wait_for
from near_measure.stage import Missed, Stage

# neard takes up the key within a second; a start alone takes as long.
GAP_S = 2.0
# A validator that owes a block or a chunk now and then, as on mainnet.
OPTIONS = Options(block_time_ms=100, strategy="hot", others_stake=30)
STATE_TIMEOUT_S = 30.0


@pytest.fixture(scope="module")
def localnet() -> Iterator[Stage]:
    """A localnet of this strategy, for this file."""
    with localnet_of_own(OPTIONS) as stage:
        yield stage


@pytest.mark.parametrize("play", [plays.neard_killed, plays.graceful_stop])
def test_the_neard_that_stood_by_is_the_one_that_signs(play: Callable[[Stage], Values], stage: Stage) -> None:
    _, standby = stage.roles()
    pid = stage.neard_pid(standby)
    values = play(stage)
    assert values["gap"] <= GAP_S + SLACK_S
    assert stage.neard_pid(standby) == pid, "it was started anew"
    status = pair.status(stage.net.layout, standby)
    assert status is not None
    assert (status["state"], status["neard"]["armed"]) == (State.VALIDATING.value, True)
    stage.require_clean()


def test_a_planned_hand_over_waits_for_a_window_and_misses_nothing(stage: Stage) -> None:
    before = stage.missed()
    assert before is not None, "the chain does not say"
    plays_on_request.promoted(stage)
    assert stage.missed_since(before) == Missed(blocks=0, chunks=0)
    stage.require_clean()


def test_a_broken_file_costs_a_takeover_its_speed_and_nothing_else(stage: Stage) -> None:
    """neard would take nothing at all: the lease is given back, and somebody signs all the same."""
    old, standby = stage.roles()
    log = stage.net.layout.log(standby.name)
    size = log.stat().st_size
    broken = stage.net.layout.home(standby) / "log_config.json"
    broken.write_text("{")
    try:
        os.kill(stage.neard_pid(old), signal.SIGKILL)
        said = "this node's next takeover"
        assert wait_for(lambda: said in log.read_bytes()[size:].decode(), STATE_TIMEOUT_S), "no word"
        since = boot_ns()
        assert wait_for(lambda: any(it.boot_ns > since for it in stage.signatures()), STATE_TIMEOUT_S), "nobody signs"
    finally:
        broken.unlink()
    stage.require_clean()
