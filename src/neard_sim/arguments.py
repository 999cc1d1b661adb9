"""The command line of neard: the same commands, options, aliases and exit status 2 for what it does not know."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path


def parse(argv: Sequence[str], version_text: str) -> argparse.Namespace:
    """The parsed command line; SystemExit(2) as clap does it, SystemExit(0) for --help and --version."""
    # clap takes the value of --verbose only after an equals sign; argparse would eat the command.
    words = ["--verbose=" if word == "--verbose" else word for word in argv]
    return _parser(version_text).parse_args(words)


def _parser(version_text: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="neard",
        description="NEAR Protocol Node (a simulation of it, for local networks only)",
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=version_text)
    parser.add_argument(
        "--home",
        type=Path,
        default=Path(os.environ.get("NEAR_HOME") or Path.home() / ".near"),
        help="directory for config and data",
    )
    parser.add_argument("--verbose", metavar="TARGET", help="deprecated, ignored")
    parser.add_argument("--unsafe-fast-startup", action="store_true", help="accepted, ignored")
    parser.add_argument("--opentelemetry", metavar="LEVEL", default="off", help="accepted, ignored")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="accepted, ignored")
    parser.add_argument("--log-span-events", action="store_true", help="accepted, ignored")
    parser.add_argument("--record-io-trace", type=Path, metavar="FILE", help="accepted, ignored")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _init(commands.add_parser("init", help="write config, genesis and keys of one node", allow_abbrev=False))
    _localnet(commands.add_parser("localnet", help="write the files of a local network", allow_abbrev=False))
    _run(commands.add_parser("run", help="run the node", allow_abbrev=False))
    commands.add_parser("validate-config", help="check config, genesis and keys", allow_abbrev=False)
    return parser


def _init(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--chain-id")
    parser.add_argument("--account-id")
    parser.add_argument("--download-genesis", action="store_true")
    parser.add_argument("--download-genesis-url")
    parser.add_argument("--download-records-url")
    parser.add_argument("--download-config", nargs="?", const="rpc", choices=("validator", "rpc", "archival"))
    parser.add_argument("--download-config-url")
    parser.add_argument("--genesis", type=Path)
    parser.add_argument("--boot-nodes")
    parser.add_argument("--num-shards", type=int, default=1)
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--test-seed")
    parser.add_argument("--max-gas-burnt-view", type=int)
    parser.add_argument("--state-sync-bucket")


def _localnet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-v", "--validators", "--v", type=int, default=4)
    parser.add_argument("-s", "--shards", type=int, default=1)
    parser.add_argument("-n", "--non-validators", type=int, default=0)
    parser.add_argument("--non-validators-rpc", type=int, default=0)
    parser.add_argument("--non-validators-archival", "--archival-nodes", type=int, default=0)
    parser.add_argument("--prefix", default="node")
    parser.add_argument("--tracked-shards", default="all", help="all, none or a comma list of shard numbers")


def _run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--archive", action="store_true")
    parser.add_argument("--boot-nodes")
    parser.add_argument("--connect-to-reliable-peers-on-startup", choices=("true", "false"))
    parser.add_argument("--min-peers", type=int)
    parser.add_argument("--network-addr")
    parser.add_argument("--produce-empty-blocks", choices=("true", "false"))
    parser.add_argument("--rpc-addr")
    parser.add_argument("--rpc-prometheus-addr")
    parser.add_argument("--disable-rpc", action="store_true")
    parser.add_argument("--telemetry-url")
    parser.add_argument("--max-gas-burnt-view", type=int)
