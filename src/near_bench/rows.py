"""The events that a cluster has to survive, in the order of the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from near_bench import measure, plays, plays_around, plays_on_request
from near_bench.measure import Measure, Values
from near_measure.stage import Stage


@dataclass(frozen=True)
class Row:
    """One event: how it is played and what is measured. `note` is for people who read the table."""

    name: str
    event: str
    play: Callable[[Stage], Values]
    measures: Sequence[Measure]
    note: str = ""
    by_restart: bool = True
    """Is there anything to measure where a standby is started anew with the key?"""
    by_default: bool = True
    """Is it played where no rows are named? One that takes many minutes is not."""


ROWS = (
    Row(
        "graceful-stop",
        "graceful stop of the active supervisor",
        plays.graceful_stop,
        [measure.AT_ONCE],
        "SIGTERM; the other one waits for nothing but its own neard",
    ),
    Row(
        "neard-kill",
        "neard SIGKILL, supervisor alive",
        plays.neard_killed,
        [measure.AT_ONCE],
        "the killed one comes back by itself, as standby",
    ),
    Row(
        "crash-at-start",
        "neard SIGKILL in its first second as validator",
        plays.killed_at_start,
        [measure.AT_ONCE],
        "a standby is promoted, and its neard killed as soon as it has signed; the one before comes back",
    ),
    Row(
        "supervisor-restart",
        "supervisor SIGKILL, restarted within 2 s",
        plays.supervisor_restarted,
        [measure.NO_GAP, measure.SILENCE, measure.SILENCE_BEFORE, measure.BACK],
        f"started again {plays.RESTART_AFTER_S:g} s after the kill; gap 0: one neard process signs throughout, watched"
        " for a lease and a second",
    ),
    Row(
        "supervisor-kill",
        "supervisor SIGKILL, not restarted",
        plays.supervisor_killed,
        [measure.AFTER_LEASE],
        "the guard lets neard sign until its deadline of 0.8 lease, so that the gap is shorter than below",
    ),
    Row(
        "supervisor-guard-kill",
        "supervisor and guard SIGKILL together",
        plays.supervisor_and_guard_killed,
        [measure.AFTER_LEASE],
        "neard dies with its guard; the other one waits for the whole lease",
    ),
    Row(
        "host-freeze",
        "whole host frozen",
        plays.host_frozen,
        [measure.AFTER_LEASE],
        "SIGSTOP to supervisor, guard and neard; thawed after the takeover and watched for"
        f" {plays.AFTER_THAW_S:g} s and until it is Voting: a run in which it signs once more has failed",
    ),
    Row(
        "host-loss",
        "whole host lost, no goodbye to its peers",
        plays.host_lost,
        [measure.AFTER_LEASE],
        "its packets are dropped, then its processes killed: the peers keep its dead connections. Not with strategy"
        " restart, whose neard they refuse",
        by_restart=False,
    ),
    Row(
        "consul-leader-kill",
        "Consul leader SIGKILL",
        plays_around.consul_leader_killed,
        [measure.NO_GAP, measure.SILENCE, measure.SILENCE_BEFORE, measure.NO_WRITES],
        "the server is started again 0.1 s later by its keeper, as systemd does on a host (Restart=always, RestartSec"
        " 100 ms); gap 0 as above",
    ),
    Row(
        "consul-freeze",
        "all Consul servers stopped for longer than the lease",
        plays_around.consul_frozen,
        [measure.SIGNER_STOPS, measure.SIGNS_AGAIN, measure.SIGNS_AFTER_WRITE, measure.NO_WRITES],
        f"SIGSTOP to all three for the lease and {plays_around.OUTAGE_BEYOND_LEASE_S:g} s, then SIGCONT, which is the"
        " moment of Consul's return; the last answer is counted from the moment the last server had been sent SIGSTOP",
    ),
    Row(
        "consul-slow",
        f"each request to Consul slow by {plays_around.SLOW:g} of the lease",
        plays_around.consul_slow,
        [measure.NO_GAP, measure.SILENCE, measure.SILENCE_BEFORE],
        f"both supervisors ask through relays that let each request wait, for {plays_around.SLOW_LEASES} leases; gap 0"
        " as above",
    ),
    Row(
        "chain-halt",
        f"the chain halts for {plays_around.HALT_S / 60:g} min, and the active host is lost meanwhile",
        plays_around.chain_halted,
        [measure.SIGNS_AFTER_THIRD, measure.SIGNS_AFTER_FIRST, measure.HALTED],
        "SIGSTOP to two of the other three validators, then SIGKILL to all of the host, then SIGCONT; counted in"
        " blocks, because those that are left need many seconds for the second one where they gave up other heights",
        by_default=False,
    ),
)
SWITCHOVER_ROWS = (
    Row(
        "promote",
        "the standby is asked for (promote)",
        plays_on_request.promoted,
        [measure.SWITCHED, measure.COORDINATION, measure.COMMAND],
        "POST /promote on the standby's control socket; the moments of release and acquisition are those at which the"
        " two supervisors logged Consul's answers, on one clock, to the millisecond",
    ),
    Row(
        "demote",
        "the active one is asked to step down (demote)",
        plays_on_request.demoted,
        [measure.SWITCHED, measure.COORDINATION, measure.COMMAND],
        "POST /demote on its control socket; else as above",
    ),
    Row(
        "info",
        "near_failover_info on a target",
        plays_on_request.asked_by_a_module,
        [measure.ANSWER],
        "the one file that Ansible sends to a host, run by Python there; without SSH",
    ),
)
