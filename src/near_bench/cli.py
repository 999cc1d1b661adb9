"""The command line of `bin/bench`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from near_bench import deploy, failover, idle, pause, rows
from near_bench.rows_by_headers import BLOCK_TIME_MS, ROWS_BY_HEADERS
from near_bench.stage_by_headers import HeaderStage
from near_ha.errors import NearError
from near_localnet.options import DIRECT_LINKS, STRATEGIES, Options, chosen_neard
from near_localnet.problem import Problem
from near_localnet.progress import Progress
from near_measure import report
from near_measure.stage import Stage, end_by_signal, layout_of_own

EXIT_STATUS = """\
exit status:
  0    everything was measured, every bound kept, nothing signed twice
  1    a run failed, or something was signed twice, or the localnet did not come up
  2    wrong usage
  3    everything was measured and nothing signed twice, but a bound was missed: see the table
  130  interrupted"""
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; its exit status."""
    options = parser().parse_args(argv)
    end_by_signal()
    try:
        return int(options.run(options))
    except NearError as problem:
        print(f"bench: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted; its localnet is down", file=sys.stderr)
        return INTERRUPTED


def parser() -> argparse.ArgumentParser:
    """The whole command line; each command's function is its `run`."""
    raw = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        prog="bin/bench",
        description="Measures failovers on a localnet of its own, and roll-outs in containers.",
        formatter_class=raw,
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    _add_failover(commands)
    _add_switchover(commands)
    _add_chain(commands)
    _add_idle(commands)
    _add_deploy(commands)
    _add_pause(commands)
    _add_table(commands)
    return top


def _add_failover(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "failover",
        help="how long nobody signs after each kind of failure",
        description="Plays each failure many times and measures from the referee's log of signatures how long nobody"
        "\nsigned: from the last signature of the old signer to the first of the new one. p50 and p95 are by\n"
        "nearest rank; a bound is met when p95 keeps it.",
        epilog=_rows_and_status(rows.ROWS),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_play(command, rows.ROWS, runs=10)
    command.set_defaults(run=_failover)


def _add_switchover(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "switchover",
        help="how long nobody signs when a person asks for another validator",
        description="Asks the pair to change places many times, and measures as `failover` does; and how long it took\n"
        "from the release of the lease to its acquisition.",
        epilog=_rows_and_status(rows.SWITCHOVER_ROWS),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_play(command, rows.SWITCHOVER_ROWS, runs=20)
    command.set_defaults(run=_failover)


def _add_chain(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "chain",
        help="the same as the chain's headers tell it, with a real neard or the simulated one",
        description="Plays five events many times and measures between the blocks whose headers have the validator's\n"
        "approval, by the blocks' own times: the longest such time from the event until the headers have it steadily\n"
        "again. That comes in steps of a block, and a signer that nobody touches is missing in some headers, too.\n\n"
        "Set NEARD=PATH to measure a real neard; without it the simulated one is measured in the same way.",
        epilog=_rows_and_status(ROWS_BY_HEADERS),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_play(command, ROWS_BY_HEADERS, runs=10, block_time_ms=BLOCK_TIME_MS, strategy="hot")
    command.set_defaults(run=_chain)


def _rows_and_status(known: Sequence[rows.Row]) -> str:
    names = "\n".join(f"  {row.name:<24}{row.event}" for row in known)
    return f"rows:\n{names}\n\n{EXIT_STATUS}"


# No end of an epoch within a benchmark: the counters of missed blocks begin anew there.
EPOCH_LENGTH = 20_000
RESTART = "restart"


def _add_play(
    command: argparse.ArgumentParser,
    known: Sequence[rows.Row],
    runs: int,
    block_time_ms: int = 100,
    strategy: str = Options.strategy,
) -> None:
    default = Options(block_time_ms=block_time_ms, strategy=strategy)
    command.add_argument(
        "--runs", type=_count, default=runs, metavar="N", help="runs of each row (default: %(default)s)"
    )
    command.add_argument(
        "--rows",
        type=lambda text: _rows(text, known),
        default=[row for row in known if row.by_default],
        metavar="A,B",
        help="only these (default: all but those that take many minutes)",
    )
    command.add_argument(
        "--lease", type=float, default=default.lease_s, metavar="S", help="seconds (default: %(default)g)"
    )
    command.add_argument(
        "--block-time-ms", type=int, default=default.block_time_ms, metavar="MS", help="(default: %(default)s)"
    )
    command.add_argument(
        "--start-delay-ms", type=int, default=default.start_delay_ms, metavar="MS",
        help="how long the simulated neard takes to start (default: %(default)s)",
    )  # fmt: skip
    command.add_argument(
        "--strategy", choices=STRATEGIES, default=default.strategy,
        help="how a standby gets the key (default: %(default)s)",
    )  # fmt: skip
    command.add_argument(
        "--others-stake", type=int, default=default.others_stake, metavar="N",
        help="each other validator has N times the stake of the measured one: 30 make it as rare as on mainnet"
        " (default: %(default)s)",
    )  # fmt: skip
    command.add_argument(
        "--direct-links", choices=DIRECT_LINKS, default=default.direct_links,
        help="which validators a real neard connects directly: none, those that are not of the pair, or all"
        " (default: %(default)s)",
    )  # fmt: skip
    add_place(command)


def add_place(command: argparse.ArgumentParser) -> None:
    """Options that say where a benchmark works and writes."""
    command.add_argument("--json", type=Path, metavar="FILE", help="write every single value there")
    command.add_argument("--instance", type=int, metavar="N", help="the localnet's addresses 127.0.N.x (default: free)")
    command.add_argument("--data", type=Path, metavar="DIR", help="the localnet's data, kept (default: temporary)")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _rows(text: str, known: Sequence[rows.Row]) -> list[rows.Row]:
    by_name = {row.name: row for row in known}
    unknown = [name for name in text.split(",") if name not in by_name]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no row {unknown[0]!r}; there are {', '.join(by_name)}")
    return [by_name[name] for name in text.split(",")]


def _failover(arguments: argparse.Namespace) -> int:
    return _play(arguments, "", Stage)


def _chain(arguments: argparse.Namespace) -> int:
    return _play(arguments, chosen_neard(), HeaderStage)


def _play(arguments: argparse.Namespace, neard: str, kind: type[Stage]) -> int:
    options = Options(
        neard=neard,
        lease_s=arguments.lease,
        block_time_ms=arguments.block_time_ms,
        start_delay_ms=arguments.start_delay_ms,
        strategy=arguments.strategy,
        others_stake=arguments.others_stake,
        direct_links=arguments.direct_links,
        epoch_length=EPOCH_LENGTH,
    ).checked()
    played = [row for row in arguments.rows if row.by_restart or options.strategy != RESTART]
    for row in arguments.rows:
        if row not in played:
            print(f"{row.name}: left out, there is nothing to measure with strategy {RESTART}", file=sys.stderr)
    if not played:
        raise Problem("No row is left to play.", f"Give another --strategy than {RESTART}, or other --rows.")
    with layout_of_own(arguments.data, arguments.instance) as layout:
        bench = failover.Failover(played, arguments.runs, options, Progress(), kind)
        return failover.run(bench, layout, arguments.json)


def _add_idle(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "idle",
        help="memory, CPU and Consul requests of an idle supervisor; how long bin/localnet up takes",
        description="Brings a localnet up for each lease, lets it idle, and reports what supervisor and guard of\n"
        "validator and standby use. Requests to Consul are counted by a relay in between.",
        epilog=EXIT_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--seconds", type=float, default=60.0, metavar="S", help="how long to idle (default: 60)")
    command.add_argument(
        "--leases", type=_leases, default=[10.0, 4.0], metavar="S,S", help="one localnet for each (default: 10,4)"
    )
    command.add_argument("--block-time-ms", type=int, default=600, metavar="MS", help="(default: %(default)s)")
    add_place(command)
    command.set_defaults(run=_idle)


def _leases(text: str) -> list[float]:
    return [Options(lease_s=float(word)).checked().lease_s for word in text.split(",")]


def _idle(arguments: argparse.Namespace) -> int:
    Options(block_time_ms=arguments.block_time_ms).checked()
    with layout_of_own(arguments.data, arguments.instance) as layout:
        return idle.run(layout, arguments.leases, arguments.seconds, arguments.block_time_ms, arguments.json)


def _add_deploy(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "deploy",
        help="how long playbooks/deploy.yml takes over three containers, the first time and again",
        description="Rolls a cluster out over the containers of the scenario `default`: in check mode, for real, a\n"
        "second time, and in check mode on the live cluster. Needs a Docker engine (see bin/containers).",
        epilog=EXIT_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--json", type=Path, metavar="FILE", help="write every single value there")
    command.set_defaults(run=lambda arguments: deploy.run(arguments.json))


def _add_pause(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "pause",
        help="for how long neard still runs when a host goes on after a pause longer than its lease",
        description="Freezes a guard and what it has armed until the deadline has passed, and lets both go on.\n"
        "Needs root and the freezer of cgroup v1.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--runs", type=_count, default=50, metavar="N", help="of each guard (default: %(default)s)")
    command.add_argument("--json", type=Path, metavar="FILE", help="write every single value there")
    command.set_defaults(run=lambda arguments: pause.run(arguments.runs, arguments.json))


def _add_table(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("table", help="print the Markdown table of what a benchmark wrote with --json")
    command.add_argument("file", type=Path, metavar="FILE")
    command.set_defaults(run=_table)


def _table(arguments: argparse.Namespace) -> int:
    print(report.text(report.read(arguments.file)))
    return 0
