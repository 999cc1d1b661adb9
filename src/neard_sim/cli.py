"""The command ``neard``: reads the command line and runs one of its commands."""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys
from collections.abc import Sequence

from near_ha.errors import BadKey

from . import arguments, home, init, localnet, log, versions
from .config import BadConfig
from .live import LiveSettings
from .settings import BadKnob, Settings


def main(argv: Sequence[str] | None = None) -> int:
    """Run neard's command line; the exit status."""
    # Python's own SIGINT handler would hide that neard has none until it is up.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # A panic aborts: no core file each time.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    try:
        version = Settings.load(os.environ, None).version
        args = arguments.parse(sys.argv[1:] if argv is None else argv, versions.version_text(version))
        live = LiveSettings(args.home, os.environ)
        return _COMMANDS[args.command](args, live)
    except (BadConfig, BadKnob, BadKey, OSError) as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1


def _init(args: argparse.Namespace, _live: LiveSettings) -> int:
    if args.genesis is not None and (args.download_genesis or args.download_genesis_url or args.download_records_url):
        raise BadConfig("Please specify only one of --genesis and --download-genesis")
    if args.download_genesis or args.download_genesis_url or args.download_config or args.download_config_url:
        raise BadConfig("the simulated neard does not download anything")
    init.write(
        args.home,
        init.InitOptions(
            chain_id=args.chain_id,
            account_id=args.account_id,
            genesis=args.genesis,
            boot_nodes=args.boot_nodes,
            shards=args.num_shards,
            fast=args.fast,
            test_seed=args.test_seed,
        ),
    )
    return 0


def _localnet(args: argparse.Namespace, live: LiveSettings) -> int:
    if args.validators < 1 or args.shards < 1:
        raise BadConfig("--validators and --shards must be at least 1")
    localnet.write(
        args.home,
        localnet.LocalnetOptions(
            validators=args.validators,
            non_validators=args.non_validators + args.non_validators_rpc + args.non_validators_archival,
            shards=args.shards,
            prefix=args.prefix,
            tracked_shards=args.tracked_shards,
            host=live.settings.localnet_host,
            archival=args.non_validators_archival,
        ),
    )
    return 0


def _validate(args: argparse.Namespace, _live: LiveSettings) -> int:
    try:
        home.load(args.home)
    except BadConfig as error:
        sys.stderr.write(
            f"Error: \nThe following config checks failed:\n{error}\n"
            "Please fix the config json files and validate again!\n"
            "\nStack backtrace:\n   0: neard::main\n"
        )
        return 1
    log.info("config", "all validations have passed")
    return 0


def _run(args: argparse.Namespace, live: LiveSettings) -> int:
    # Imported here: the other commands need neither the event loop nor the time to load it.
    from . import run  # noqa: PLC0415

    log.info("neard", versions.banner(live.settings.version))
    flags = {
        "archive": args.archive,
        "boot": args.boot_nodes,
        "min_peers": args.min_peers,
        "network_addr": args.network_addr,
        "rpc_addr": args.rpc_addr,
        "prometheus_addr": args.rpc_prometheus_addr,
        "disable_rpc": args.disable_rpc,
    }
    return run.run(args.home, live, flags)


_COMMANDS = {"init": _init, "localnet": _localnet, "validate-config": _validate, "run": _run}
