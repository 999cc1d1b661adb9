"""What the pair lives on fails: Consul, and the chain. As `plays` says of its own."""

from __future__ import annotations

import signal
from contextlib import ExitStack

from near_bench import measure
from near_bench.behind_relays import behind_relays
from near_bench.measure import Values
from near_bench.plays import RETURN_TIMEOUT_S, SETTLED_S, same_signer, send
from near_localnet import consul_cluster
from near_localnet.layout import CHAIN_NODES, CONSUL_SERVERS, VALIDATORS
from near_localnet.localnet import HOST
from near_localnet.problem import Problem
from near_measure import consul_probe
from near_measure.clock import NS, boot_ns, seconds, wait_for
from near_measure.signatures import first_since, last_before
from near_measure.stage import TAKEOVER_TIMEOUT_S, Stage

OUTAGE_BEYOND_LEASE_S = 2.0
SLOW = 0.3
"""Of the lease: so long takes each request to a slow Consul."""
SLOW_LEASES = 5
HALT_S = 600.0
LOST_AFTER_S = 5.0
"""So long after the chain has halted a host is lost."""


def consul_leader_killed(stage: Stage) -> Values:
    """SIGKILL to the server that leads; its keeper starts it again 0.1 s later, as systemd would."""
    stage.steady(stage.options.lease_s + SETTLED_S)
    old, new = stage.roles()
    pid = stage.neard_pid(old)
    leader = consul_cluster.leader(stage.net.layout)
    if leader not in CONSUL_SERVERS:
        raise Problem("Consul has no leader to kill.")
    since = boot_ns()
    stage.net.kill(leader, "consul")
    written = consul_probe.first_write_ns(stage.net.layout, RETURN_TIMEOUT_S)
    if written is None:
        raise Problem(f"Consul took no write for {RETURN_TIMEOUT_S:g} s after the loss of its leader {leader}.")
    return {**same_signer(stage, old, new, pid, since), measure.NO_WRITES.key: seconds(since, written)}


def consul_frozen(stage: Stage) -> Values:
    """SIGSTOP to all Consul servers for longer than the lease, then SIGCONT: requests in their sockets come late."""
    lease_s = stage.options.lease_s
    servers = [process for name in CONSUL_SERVERS for process in stage.net.select(name, HOST)]
    send(servers, signal.SIGSTOP)
    frozen = boot_ns()
    stage.pass_time(frozen + round((lease_s + OUTAGE_BEYOND_LEASE_S) * NS))
    returned = boot_ns()
    send(servers, signal.SIGCONT)
    written = consul_probe.first_write_ns(stage.net.layout, RETURN_TIMEOUT_S)
    if written is None:
        raise Problem(f"Consul took no write for {RETURN_TIMEOUT_S:g} s after its return.")
    if not wait_for(lambda: first_since(stage.signatures(), returned) is not None, TAKEOVER_TIMEOUT_S):
        raise Problem(f"Nobody signs {TAKEOVER_TIMEOUT_S:g} s after Consul's return.")
    found = stage.signatures()
    last, first = last_before(found, returned), first_since(found, returned)
    if last is None or first is None:
        raise Problem("Nobody signed before Consul was frozen.")
    return {
        measure.SIGNER_STOPS.key: seconds(frozen, last.boot_ns),
        measure.SIGNS_AGAIN.key: seconds(returned, first.boot_ns),
        measure.SIGNS_AFTER_WRITE.key: seconds(written, first.boot_ns),
        measure.NO_WRITES.key: seconds(returned, written),
    }


def consul_slow(stage: Stage) -> Values:
    """Each request of both supervisors waits for a part of the lease before Consul gets it."""
    with ExitStack() as slow:
        relays = [relay for host in VALIDATORS for relay in slow.enter_context(behind_relays(stage, host))]
        watched_s = SLOW_LEASES * stage.options.lease_s
        stage.steady(watched_s)
        old, new = stage.roles()
        pid = stage.neard_pid(old)
        since = boot_ns()
        for relay in relays:
            relay.delay_s = SLOW * stage.options.lease_s
        values = same_signer(stage, old, new, pid, since, for_s=watched_s)
        for relay in relays:
            relay.delay_s = 0.0
    return values


def chain_halted(stage: Stage) -> Values:
    """Two validators of four stand still, and a host is lost: who follows must sign as soon as there are blocks."""
    old, new = stage.roles()
    others = [process for node in CHAIN_NODES[1:] for process in stage.net.select(node.name, "neard")]
    send(others, signal.SIGSTOP)
    halted = boot_ns()
    try:
        stage.pass_time(halted + round(LOST_AFTER_S * NS))
        stage.net.kill(old.name)
        stage.pass_time(halted + round(HALT_S * NS))
    finally:
        send(others, signal.SIGCONT)
    moved = boot_ns()
    if not wait_for(lambda: first_since(stage.signatures(), moved) is not None, TAKEOVER_TIMEOUT_S):
        raise Problem(f"{new.name} has signed nothing {TAKEOVER_TIMEOUT_S:g} s after the halt.")
    signed, blocks = first_since(stage.signatures(), moved), stage.blocks()
    last, new_ones = last_before(blocks, moved), [block for block in blocks if block.boot_ns >= moved]
    if signed is None or last is None or not new_ones:
        raise Problem("The chain has made no block before the halt, or none after it.")
    stage.net.start(old.name)
    # Signed before there was a third one: it waited for none.
    third = min([signed.boot_ns, *(block.boot_ns for block in new_ones[2:3])])
    return {
        measure.SIGNS_AFTER_THIRD.key: seconds(third, signed.boot_ns),
        measure.SIGNS_AFTER_FIRST.key: max(0.0, seconds(new_ones[0].boot_ns, signed.boot_ns)),
        measure.HALTED.key: seconds(last.boot_ns, new_ones[0].boot_ns),
    }
