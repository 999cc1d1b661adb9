"""Every row of the failover table, with generous bounds; `bin/bench failover` holds the tight ones."""

from __future__ import annotations

import pytest

from e2e.localnets import SLACK_S
from near_bench import measure, plays, plays_around
from near_bench.rows import ROWS, Row
from near_localnet.layout import CONSUL_SERVERS
from near_measure import consul_probe
from near_measure.clock import NS, boot_ns, seconds, wait_for
from near_measure.signatures import first_since, last_before
from near_measure.stage import Stage

WITHOUT_SLACK = (measure.NO_GAP, measure.SIGNER_STOPS)
"""These say who signs and until when, not how quickly: a busy machine is no excuse."""
BEYOND_LEASE_S = 2.0
# A deadline is 3.2 s from the last heartbeat, and a busy machine needs two of them to start Python.
RESTART_AFTER_S = 0.3
# Longer than a lease, so that the standby follows while nothing moves.
HALT_S = 12.0
SLOW_LEASES = 2


@pytest.fixture(autouse=True)
def _soon_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plays, "RESTART_AFTER_S", RESTART_AFTER_S)
    monkeypatch.setattr(plays_around, "HALT_S", HALT_S)
    monkeypatch.setattr(plays_around, "SLOW_LEASES", SLOW_LEASES)


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_gap_after(row: Row, stage: Stage) -> None:
    values = row.play(stage)
    for each in row.measures:
        bound = each.bound_s(stage.options)
        if bound is not None:
            slack = 0.0 if each in WITHOUT_SLACK else SLACK_S
            assert values[each.key] <= bound + slack, f"{row.event}: {each.text}"
    stage.require_clean()


def test_signer_that_goes_on_does_not_pause(stage: Stage) -> None:
    """A start of neard costs a second at least; a supervisor that comes back must not cost that."""
    values = next(row for row in ROWS if row.name == "supervisor-restart").play(stage)
    assert values[measure.SILENCE.key] < stage.options.start_delay_ms / 1000
    stage.require_clean()


def test_consul_servers_ended_for_longer_than_the_lease(stage: Stage) -> None:
    """As the row with frozen servers, but with requests that are refused at once instead of unanswered."""
    lease_s, net = stage.options.lease_s, stage.net
    for name in CONSUL_SERVERS:
        net.stop(name)
    ended = boot_ns()
    stage.pass_time(ended + round((lease_s + BEYOND_LEASE_S) * NS))
    last = last_before(stage.signatures(), boot_ns())
    assert last is not None
    assert seconds(ended, last.boot_ns) <= lease_s

    returned = boot_ns()
    for name in CONSUL_SERVERS:
        net.start(name)
    assert consul_probe.first_write_ns(net.layout, 30) is not None, "Consul takes no writes"
    bound = measure.SIGNS_AGAIN.bound_s(stage.options)
    assert bound is not None
    assert wait_for(lambda: first_since(stage.signatures(), returned) is not None, bound + SLACK_S), "nobody signs"
    stage.require_clean()
