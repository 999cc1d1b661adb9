"""The rows that a real neard can be asked, too: five events, measured in headers of the chain.

The bounds are for four validators, of whom the measured one is a quarter of the stake, and blocks of 600 ms: a quarter
of the heights is its own, and a chain that misses those waits two seconds for each.
"""

from __future__ import annotations

from collections.abc import Callable

from near_bench import plays, plays_on_request
from near_bench.measure import Measure, Values
from near_bench.rows import Row
from near_bench.stage_by_headers import HeaderStage
from near_localnet.options import Options
from near_localnet.problem import Problem
from near_measure.stage import Stage

BLOCK_TIME_MS = 600
GAP, WITHOUT = "gap", "headers"
Play = Callable[[Stage], Values]


def by_headers(play: Play) -> Play:
    """The same event, with what the chain's headers say of it."""

    def played(stage: Stage) -> Values:
        if not isinstance(stage, HeaderStage):
            raise Problem("This row goes by the chain's headers.")
        play(stage)
        return {GAP: stage.gap.seconds, WITHOUT: stage.gap.headers}

    return played


def _measures(bound: Callable[[Options], float], rule: str = "") -> list[Measure]:
    gap = Measure(GAP, "between two headers with its approval", rule, bound)
    return [gap, Measure(WITHOUT, "headers without it, between these", unit="")]


def _after_lease(options: Options) -> float:
    return options.lease_s + 2.5


AFTER_LEASE = _measures(_after_lease, "lease + 2.5 s")
ROWS_BY_HEADERS = (
    Row(
        "promote",
        "the standby is asked for (promote)",
        by_headers(plays_on_request.promoted),
        _measures(lambda _given: 3.0),
        "POST /promote on the standby's control socket",
    ),
    Row(
        "graceful-stop",
        "supervisor told to stop (SIGTERM)",
        by_headers(plays.graceful_stop),
        _measures(lambda _given: 3.0),
    ),
    Row(
        "neard-kill",
        "neard SIGKILL, supervisor alive",
        by_headers(plays.neard_killed),
        _measures(lambda _given: 3.5),
    ),
    Row(
        "host-kill",
        "supervisor, guard and neard SIGKILL",
        by_headers(plays.supervisor_and_guard_killed),
        AFTER_LEASE,
        "neard dies with its guard; its peers hear of its end",
    ),
    Row(
        "host-loss",
        "the host vanishes: packets dropped, then SIGKILL to all of it",
        by_headers(plays.host_lost),
        AFTER_LEASE,
        "a real neard's connections are cut by the kernel (needs root and iptables), a simulated one's by its peers",
    ),
)
