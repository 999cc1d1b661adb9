"""Strategy kuutamod: one node key and one address for whoever validates, and the key for a neard that runs there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from e2e.localnets import SLACK_S, localnet_of_own
from near_bench import plays, plays_on_request
from near_bench.measure import Values
from near_ha.records.states import State
from near_localnet import chain, pair
from near_localnet.layout import CHAIN_NODES, Layout, Validator
from near_localnet.options import Options
from near_measure.clock import NS, boot_ns, wait_for
from near_measure.stage import Stage
from near_supervisor.core.rules.silent_validator import CONNECTED_BY_MS

OPTIONS = Options(block_time_ms=100, strategy="kuutamod", others_stake=30, key_routing=True)
# The old signer ends, the standby ends, neard starts and answers for a second, and finds its peers.
GAP_S = 2 * 0.5 + OPTIONS.start_delay_ms / 1000 + 1.5
STATE_TIMEOUT_S = 60.0
STARTED_WITH_THE_KEY = "started as a validator"
GIVEN = "was given the validator key while it runs"
MOVED_AWAY = "it does not validate, and has the validator's node key and address"
REFUSED = "its peers refuse it as long as they have a connection of its last holder"


@pytest.fixture(scope="module")
def localnet() -> Iterator[Stage]:
    """Peers that keep one connection per validator key and per node key, as a real neard's do."""
    with localnet_of_own(OPTIONS) as stage:
        yield stage


def node_key(layout: Layout, host: Validator) -> str:
    """With which node key its neard runs."""
    return str((layout.home(host) / "node_key.json").readlink())


def is_named(layout: Layout, host: Validator, reason: str) -> bool:
    """Does its readiness name this reason?"""
    status = pair.status(layout, host)
    return status is not None and reason in [each["name"] for each in status["readiness"]]


@pytest.mark.parametrize("play", [plays.neard_killed, plays.graceful_stop, plays_on_request.promoted])
def test_the_key_goes_to_a_neard_that_runs_in_the_validators_place(
    play: Callable[[Stage], Values], stage: Stage
) -> None:
    layout = stage.net.layout
    stage.ready_to_take()
    old, new = stage.roles()
    log = layout.log(new.name)
    size, pid = log.stat().st_size, stage.neard_pid(new)
    values = play(stage)
    assert values["gap"] <= GAP_S + SLACK_S
    said = log.read_bytes()[size:].decode()
    assert GIVEN in said
    assert STARTED_WITH_THE_KEY not in said
    assert stage.neard_pid(new) != pid
    assert node_key(layout, new) == str(chain.signer_keys(layout)[0])
    stage.net.wait_state(old.name, State.VOTING, STATE_TIMEOUT_S)
    assert node_key(layout, old) == str(layout.home(old) / "voter_node_key.json")
    stage.require_clean()


def test_a_supervisor_that_crashed_on_the_way_takes_its_neard_out_of_the_validators_place(stage: Stage) -> None:
    layout = stage.net.layout
    stage.ready_to_take()
    old, new = stage.roles()
    stage.net.kill(old.name)
    shared = str(chain.signer_keys(layout)[0])
    assert wait_for(lambda: node_key(layout, new) == shared, OPTIONS.lease_s + SLACK_S, poll_s=0.01)
    log = layout.log(new.name)
    size = log.stat().st_size
    stage.net.kill(new.name, "supervisor")
    stage.net.start(new.name)
    since = boot_ns()
    stage.net.wait_state(new.name, State.VALIDATING, STATE_TIMEOUT_S)
    stage.takeover(new, since)
    assert MOVED_AWAY in log.read_bytes()[size:].decode()
    assert node_key(layout, new) == shared
    stage.net.start(old.name)
    stage.net.wait_state(old.name, State.VOTING, STATE_TIMEOUT_S)
    stage.require_clean()


def test_after_a_silent_loss_the_shared_node_key_is_refused_and_the_standby_signs_with_its_own(stage: Stage) -> None:
    layout = stage.net.layout
    stage.ready_to_take()
    old, standby = stage.roles()
    assert is_named(layout, standby, "restart"), "it says nothing of it before"
    log = layout.log(standby.name)
    size = log.stat().st_size
    stage.lose(old)
    lost = boot_ns()
    stage.takeover(standby, lost)
    bound = OPTIONS.lease_s + 2 * (GAP_S + SLACK_S) + CONNECTED_BY_MS / 1000
    assert (boot_ns() - lost) / NS <= bound
    said = log.read_bytes()[size:].decode()
    assert REFUSED in said
    assert STARTED_WITH_THE_KEY not in said
    assert node_key(layout, standby) == str(layout.home(standby) / "voter_node_key.json")
    head = chain.height(layout, CHAIN_NODES[0]) or 0
    answer = 'near_supervisor_signing{answer="yes"} 1'
    assert wait_for(lambda: answer in pair.metrics(layout, standby).splitlines(), 3 * SLACK_S), "it is not heard"
    assert wait_for(partial(_is_above, layout, head), SLACK_S), "the chain stands still"
    # Its own connections are dead, and stand in its way until TCP finds out.
    stage.net.start(old.name)
    stage.net.wait_state(old.name, State.VOTING, STATE_TIMEOUT_S)
    stage.require_clean()


def _is_above(layout: Layout, height: int) -> bool:
    return (chain.height(layout, CHAIN_NODES[0]) or 0) > height
