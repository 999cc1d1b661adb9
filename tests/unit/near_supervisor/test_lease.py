"""The lease in numbers: the holder is always gone before a candidate may begin."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from near_supervisor.core.facts import lease

LEASES = st.integers(lease.MIN_LEASE_MS, 600_000)
DRIFTS = st.floats(-0.01, 0.01)


@given(LEASES, st.integers(0, 10**12), DRIFTS, DRIFTS, st.integers(0, 10**6))
def test_the_holder_is_gone_before_a_candidate_begins(
    lease_ms: int, sent_at: int, holder_drift: float, candidate_drift: float, answer_delay: int
) -> None:
    """In real time, with both clocks off by up to 1 %, and the candidate's look as early as can be."""
    held_for = lease.hold_until(sent_at, lease_ms) - sent_at + lease.KILL_SLACK_MS
    dead_after = held_for / (1 - abs(holder_drift))
    # The candidate cannot see a heartbeat before it was sent, and counts from when it saw it.
    begins_after = answer_delay + lease_ms / (1 + abs(candidate_drift))
    assert dead_after < begins_after


@given(LEASES)
def test_a_lease_survives_several_lost_heartbeats(lease_ms: int) -> None:
    assert 8 * lease.heartbeat_interval(lease_ms) <= lease.hold_until(0, lease_ms)


@given(LEASES)
def test_the_session_outlives_the_lease(lease_ms: int) -> None:
    assert lease.session_ttl_ms(lease_ms) >= max(10_000, lease_ms)
