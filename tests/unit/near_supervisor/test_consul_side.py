"""How long the driver waits for Consul: whatever keeps the lease alive has to keep the session alive that holds it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from near_supervisor import consul_side
from near_supervisor.consul_side import ConsulSide
from near_supervisor.core import lease


@pytest.mark.parametrize("lease_ms", [2_000, 10_000, 20_000, 60_000])
def test_a_consul_that_is_fast_enough_for_the_lease_is_fast_enough_for_its_session(
    monkeypatch: pytest.MonkeyPatch, lease_ms: int
) -> None:
    """Found by bin/simulate: of 3 s for each, a Consul that took 0.35 of ten left nobody registered."""
    timeouts: list[int] = []

    def store(_url: str, _account_id: str, timeout_ms: int, *_rest: Any, **_named: Any) -> None:
        timeouts.append(timeout_ms)

    monkeypatch.setattr(consul_side, "ConsulStore", store)
    options: Any = SimpleNamespace(
        lease_ms=lease_ms,
        consul_url="http://localhost:8500",
        account_id="pool",
        validator_account_id="pool",
        validator_public_key="ed25519:KEY",
        record_key=None,
        consul_access=None,
    )
    ConsulSide(options, "a", "instance", lambda _event: None, lambda: "")
    assert len(timeouts) == 2
    assert min(timeouts) == lease.request_timeout_ms(lease_ms) > lease_ms * 35 // 100
    assert max(timeouts) >= 3_000
