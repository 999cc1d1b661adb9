"""A neard that panics soon after it has the key, on every host: each is tried once, then more rarely, and says why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from e2e.localnets import localnet_of_own, simulated_only
from near_ha.transport import control_client
from near_localnet.layout import VALIDATORS, Validator
from near_localnet.options import Options
from near_measure.clock import NS, boot_ns, wait_for
from near_measure.signatures import first_since
from near_measure.stage import Stage
from near_supervisor.commandline.cluster_text import cluster_text, history_text

pytestmark = simulated_only
LEASE_S = 2.0
PANICS_AFTER_MS = 1_000
# The first try of each host and those after waits of one, two, four and eight leases, each with a start of neard.
WATCHED_S = 32.0
TRIED_WITHIN_S = 15.0
MENDED_WITHIN_S = 12.0
WORDS = "panicked at neard/src/cli.rs: | client_actor: told to panic by the knob panic_with_key_ms"


@pytest.fixture(scope="module")
def localnet() -> Iterator[Stage]:
    """A localnet of this lease, for this file."""
    options = Options(block_time_ms=100, lease_s=LEASE_S, strategy="hot")
    with localnet_of_own(options) as stage:
        yield stage


@pytest.fixture
def panics(stage: Stage) -> Iterator[Stage]:
    """From now on, and until the end of the test, every neard of the pair that gets the key."""
    for host in VALIDATORS:
        knobs(stage, host, panic_with_key_ms=PANICS_AFTER_MS)
    yield stage
    for host in VALIDATORS:
        knobs(stage, host)


def knobs(stage: Stage, host: Validator, **values: object) -> None:
    file = stage.net.layout.home(host) / "sim.json"
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(values))
    fresh.replace(file)


def cluster(stage: Stage) -> dict[str, Any]:
    return control_client.call(stage.net.layout.run_dir(VALIDATORS[0]) / "control.sock", "GET", "/cluster")


def failed(stage: Stage, after_term: int) -> list[dict[str, Any]]:
    """The leaderships since then whose neard has said why it ended."""
    return [one for one in cluster(stage)["history"] if one["term"] > after_term and one["last_words"]]


def test_each_host_is_tried_once_then_ever_more_rarely_and_the_history_says_why(stage: Stage, panics: Stage) -> None:
    since, both = boot_ns(), {host.name for host in VALIDATORS}
    term = int(cluster(stage)["leader"]["term"]) - 1
    tried = wait_for(lambda: {one["node_id"] for one in failed(stage, term)} == both, TRIED_WITHIN_S)
    assert tried, failed(stage, term)
    stage.pass_time(since + round(WATCHED_S * NS))
    tries = failed(stage, term)
    for name in both:
        moments = [one["at_ms"] / 1000 for one in tries if one["node_id"] == name]
        pauses = [after - before for before, after in pairwise(moments)]
        assert len(pauses) >= 2, (name, pauses)
        # The one that validated may have done so for long enough to begin without a wait.
        for number, pause in enumerate(pauses[1:]):
            assert pause >= LEASE_S * 2**number, (name, pauses)
    assert all(WORDS in one["last_words"] for one in tries), tries
    assert WORDS in history_text(cluster(stage), 20)
    assert f"it said last: thread 'main' {WORDS}" in cluster_text(cluster(stage))
    stage.require_clean()


def test_a_host_that_is_mended_takes_over_as_soon_as_somebody_asks(stage: Stage, panics: Stage) -> None:
    """A person's request ends every wait."""
    stage.pass_time(boot_ns() + round(4 * LEASE_S * NS))
    mended = VALIDATORS[1]
    knobs(stage, mended)
    socket = stage.net.layout.run_dir(mended) / "control.sock"
    assert wait_for(lambda: bool(control_client.call(socket, "GET", "/status")["ready"]), MENDED_WITHIN_S), "not ready"
    asked = boot_ns()
    body = {"member": "", "by": "alice", "reason": "mended", "timeout_ms": 60_000, "force": True, "check": False}
    control_client.call(socket, "POST", "/promote", body)
    assert wait_for(lambda: first_since(stage.signatures(), asked) is not None, MENDED_WITHIN_S), "nobody signs"
    stage.steady(2 * PANICS_AFTER_MS / 1000)
    assert stage.roles()[0] == mended
    stage.require_clean()
