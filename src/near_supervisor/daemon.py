"""One supervisor at work as a process: its signals, sockets and threads."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import threading

from near_ha.errors import NearError
from near_supervisor.core.events import StopAsked

from . import __version__
from .commandline import options
from .control_routes import ControlRoutes
from .driver import Driver
from .io import logfmt
from .io.control import ControlSocket
from .io.exporter import Exporter
from .io.run_dir import RunDir
from .io.systemd import ServiceManager

log = logging.getLogger("near_supervisor")


def run(given: argparse.Namespace) -> int:
    """Supervise until told to end; exit status 1 for options that cannot work, which the log names."""
    logfmt.set_up(str(given.node_id))
    try:
        checked = options.check(given, options.from_environment())
        run_dir = RunDir(checked.run_dir)
        driver = Driver(checked, run_dir, ServiceManager(os.environ))
        exporter = Exporter(checked.exporter_address, lambda: driver.snapshot, driver.notifier.counts)
        routes = ControlRoutes(checked, os.environ, lambda: driver.snapshot, driver.post, driver.notifier)
        control = ControlSocket(run_dir.path / "control.sock", routes.table())
    except NearError as error:
        log.error("%s", error)
        return 1
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda got, _frame: driver.post(StopAsked(signal.Signals(got).name)))
    threading.Thread(target=exporter.serve, daemon=True).start()
    control.serve()
    log.info(
        "near-supervisor %s for account %s, lease %g s, Consul %s, metrics on %s",
        __version__,
        checked.account_id,
        checked.lease_ms / 1000,
        checked.consul_url,
        checked.exporter_address,
    )
    if checked.record_key.accepts_unsigned:
        log.warning(
            "records that no member has signed are followed (--unsigned-records accept), so that whoever may write to"
            " Consul can forge one: set it to refuse as soon as every node has a version that signs"
        )
    if checked.account_id != checked.validator_account_id:
        log.warning(
            "the lease is that of account id %s, and the validator key is that of %s: a supervisor or a kuutamod that"
            " has the key under another name has another lease. Supervisors of this version exclude each other by"
            " the key all the same",
            checked.account_id,
            checked.validator_account_id,
        )
    for problem in checked.hooks.problems():
        log.warning("%s", problem)
    return driver.run(control)
