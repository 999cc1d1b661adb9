"""``near-supervisor`` and its alias ``kuutamod``."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from near_ha import control_client
from near_ha.errors import NearError

from . import __version__, guard, options
from .core.events import DetachAsked, StopAsked
from .driver import Driver
from .io import logfmt
from .io.control import ControlServer, Then
from .io.exporter import Exporter
from .io.run_dir import RunDir
from .io.systemd import ServiceManager

log = logging.getLogger("near_supervisor")

_RUN = """\
Supervise the neard of this host: it signs only while this node holds the lease in Consul. Start it on two or more
hosts with the same --account-id and --validator-key; one validates, the others stand by and take over by themselves.
SIGINT or SIGTERM stops neard, releases the lease and ends with status 0; a second one kills neard instead of
stopping it. Exit status 1: a configuration that cannot work, or a neard that never becomes ready."""


def main(argv: list[str] | None = None) -> int:
    """The entry point ``near-supervisor``; the exit status."""
    parser = argparse.ArgumentParser(
        prog="near-supervisor", description="Automatic failover for NEAR validators: exactly one host signs."
    )
    parser.add_argument("--version", action="version", version=f"near-supervisor {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    run = verbs.add_parser("run", help="supervise the neard of this host", description=_RUN)
    options.add_arguments(run, options.from_environment())
    for verb, text in (
        ("status", "show what the supervisor on this host does"),
        ("detach", "end the supervisor on this host and leave guard and neard running, for an upgrade"),
    ):
        command = verbs.add_parser(verb, help=text, description=f"{text.capitalize()}.")
        command.add_argument("--run-dir", required=True, metavar="DIR", help="its run directory")
        command.add_argument("--json", action="store_true", help="the whole answer, as JSON")
    verbs.add_parser("guard", help="own neard and kill it when its lease ends, as a service of its own", add_help=False)
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["guard"]:
        return guard.main(words[1:])
    given = parser.parse_args(words)
    if given.verb == "run":
        return _run(given)
    return _ask(given)


def kuutamod(argv: list[str] | None = None) -> int:
    """The entry point ``kuutamod``: ``near-supervisor run`` under its old name."""
    parser = argparse.ArgumentParser(prog="kuutamod", description=_RUN)
    parser.add_argument("--version", action="version", version=f"kuutamod (near-supervisor {__version__})")
    options.add_arguments(parser, options.from_environment())
    return _run(parser.parse_args(argv))


def _run(given: argparse.Namespace) -> int:
    logfmt.set_up(str(given.node_id))
    try:
        checked = options.check(given, options.from_environment())
        run_dir = RunDir(checked.run_dir)
        driver = Driver(checked, run_dir, ServiceManager(os.environ))
        exporter = Exporter(checked.exporter_address, lambda: driver.snapshot)
        control = ControlServer(run_dir.path / "control.sock", _routes(driver))
    except NearError as error:
        log.error("%s", error)
        return 1
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda got, _frame: driver.post(StopAsked(signal.Signals(got).name)))
    for serve in (exporter.serve, control.serve):
        threading.Thread(target=serve, daemon=True).start()
    log.info(
        "near-supervisor %s for account %s, lease %g s, Consul %s, metrics on %s",
        __version__,
        checked.account_id,
        checked.lease_ms / 1000,
        checked.consul_url,
        checked.exporter_address,
    )
    return driver.run()


def _routes(driver: Driver) -> dict[tuple[str, str], Any]:
    def status() -> dict[str, Any]:
        return driver.snapshot.status()

    def detach() -> Then:
        return Then({"detaching": True}, lambda: driver.post(DetachAsked()))

    return {("GET", "/status"): status, ("POST", "/detach"): detach}


def _ask(given: argparse.Namespace) -> int:
    method = "GET" if given.verb == "status" else "POST"
    try:
        answer = control_client.call(Path(given.run_dir) / "control.sock", method, f"/{given.verb}")
    except NearError as error:
        sys.stderr.write(f"near-supervisor: {error}\n")
        return 1
    if given.json:
        sys.stdout.write(json.dumps(answer, indent=2) + "\n")
    elif given.verb == "status":
        sys.stdout.write(_summary(answer))
    else:
        sys.stdout.write("The supervisor is leaving; guard and neard go on until the lease ends.\n")
    return 0


def _summary(status: dict[str, Any]) -> str:
    left, leader, neard, sync = status["lease_left_ms"], status["leader"], status["neard"], status["sync"]
    lines = {
        "node": f"{status['node_id']} on {status['hostname']}, account {status['account_id']}",
        "state": status["state"] + (f" ({status['reason']})" if status["reason"] else ""),
        "validator": leader["node_id"] if leader else "nobody that this node knows of",
        "lease": f"{status['lease_ms'] / 1000:g} s" + (f", {left / 1000:.1f} s left" if left is not None else ""),
        "neard": f"pid {neard['pid']}, {'may sign' if neard['armed'] else 'without the validator key'}",
        "chain": f"height {sync['height']}, {'in sync' if sync['synced'] else sync['reason']}",
    }
    return "".join(f"{name + ':':<11}{text}\n" for name, text in lines.items())


if __name__ == "__main__":
    sys.exit(main())
