"""Arithmetic of the lease: rules 1 to 3 of the safety rule in numbers.

A lease of D is renewed every D/10. The holder counts from the moment a request *left*, and gives up
at 0.8 D; a candidate counts D from the moment an answer *arrived*. The 0.2 D between them is for the
kill and for two clocks that drift apart by at most 1 % each.
"""

from __future__ import annotations

MIN_LEASE_MS = 2_000
MAX_LEASE_MS = 600_000
DEFAULT_LEASE_MS = 10_000
MIN_REQUEST_TIMEOUT_MS = 300
SESSION_REQUEST_TIMEOUT_MS = 3_000
# Consul takes no shorter TTL.
SHORTEST_TTL_MS = 10_000

# How long after its deadline an armed neard may still be running: the guard's own kill, and behind it
# the kernel timer that ends a guard which hangs (KERNEL_TIMER_MS in near_guard/kernel.py), with room for the scheduler.
KILL_SLACK_MS = 150

# A kuutamod leader renews its session only, never the record, steps back 25 s after its last renewal
# and may take 60 s more to stop neard.
FOREIGN_WAIT_MS = 90_000


def heartbeat_interval(lease_ms: int) -> int:
    """Milliseconds from one heartbeat to the next."""
    return lease_ms // 10


def hold_until(sent_at: int, lease_ms: int) -> int:
    """Deadline that a successful heartbeat sent at ``sent_at`` buys."""
    return sent_at + lease_ms * 8 // 10


def longest_hold_ms(lease_ms: int) -> int:
    """So long after a heartbeat with this lease was asked for its holder signs at the most, by any clock of the two."""
    return (lease_ms * 8 // 10 + KILL_SLACK_MS) * 101 // 99 + 1


def look_ms(lease_ms: int) -> int:
    """How long a read of the lease waits for news. That is mostly the next heartbeat, which is not to come after it."""
    return max(1_000, lease_ms * 3 // 20)


def unheard_after_ms(lease_ms: int) -> int:
    """So long after the last answer of Consul nothing that it said counts as known: two reads got none."""
    return 2 * look_ms(lease_ms)


def session_ttl_ms(lease_ms: int) -> int:
    """TTL of the Consul session: Consul's own minimum of 10 s, or the lease where that is longer."""
    return max(SHORTEST_TTL_MS, lease_ms)


def covering(lease_ms: int, deadline: int | None, now: int) -> int:
    """The lease that a record of ``now`` names, so that whoever waits it out waits for ``deadline``, too.

    A signer may run under a deadline that a longer lease has bought: its supervisor was started again with another.
    """
    return lease_ms if deadline is None else max(lease_ms, -(-(deadline - now) * 10 // 8))


def request_timeout_ms(lease_ms: int) -> int:
    """How long one request about the lease may take: two in a row fit in before the deadline.

    A Consul that takes 0.35 D for each answer keeps the lease alive so; what is lost costs a try.
    """
    return max(MIN_REQUEST_TIMEOUT_MS, lease_ms * 4 // 10)


def session_request_timeout_ms(lease_ms: int) -> int:
    """The same of a request about the session or the members: a Consul that keeps a lease alive keeps its session, too.

    Nobody's deadline hangs on these, so that they may take longer where the lease is short.
    """
    return max(SESSION_REQUEST_TIMEOUT_MS, request_timeout_ms(lease_ms))
