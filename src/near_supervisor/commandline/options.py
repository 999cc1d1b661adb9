"""Options of ``run``: kuutamod's flags and variables, and our own, checked before anything starts."""

from __future__ import annotations

import argparse
import os
import shutil
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from near_ha.errors import BadConfig
from near_ha.keys import key_file, record_key
from near_ha.keys.key_file import KeyFile, Kind
from near_ha.keys.record_key import RecordKey
from near_ha.records.member_record import DEFAULT_PRIORITY, MAX_PRIORITY
from near_supervisor.core.facts.lease import DEFAULT_LEASE_MS, MAX_LEASE_MS, MIN_LEASE_MS
from near_supervisor.core.facts.settings import Strategy

from ..io import consul_access
from ..io.consul_access import ConsulAccess
from . import hook_options
from .hook_options import Hooks

DEFAULT_NODE_ID = "node"
DEFAULT_ACCOUNT_ID = "default"

# flag, variable, default ("" = none), help
KUUTAMOD: tuple[tuple[str, str, str, str], ...] = (
    ("--neard-home", "KUUTAMO_NEARD_HOME", "", "neard's home directory"),
    ("--voter-node-key", "KUUTAMO_VOTER_NODE_KEY", "", "node key of this host's neard, different on each"),
    (
        "--validator-node-key",
        "KUUTAMO_VALIDATOR_NODE_KEY",
        "",
        "with --strategy kuutamod or restart: node key of neard while it validates, if not the same as always",
    ),
    ("--validator-key", "KUUTAMO_VALIDATOR_KEY", "", "the validator's signing key"),
    ("--near-boot-nodes", "KUUTAMO_NEARD_BOOTNODES", "", "comma list of KEY@HOST:PORT to replace config.json's"),
    ("--exporter-address", "KUUTAMO_EXPORTER_ADDRESS", "127.0.0.1:2233", "where to serve /metrics"),
    ("--validator-network-addr", "KUUTAMO_VALIDATOR_NETWORK_ADDR", "0.0.0.0:24567", "neard's address as validator"),
    ("--voter-network-addr", "KUUTAMO_VOTER_NETWORK_ADDR", "0.0.0.0:24568", "neard's address as standby"),
    (
        "--account-id",
        "KUUTAMO_ACCOUNT_ID",
        DEFAULT_ACCOUNT_ID,
        "name of the validator in Consul, the same on all its nodes: the account of its key",
    ),
    ("--node-id", "KUUTAMO_NODE_ID", DEFAULT_NODE_ID, "name of this node, different on each"),
    ("--consul-url", "KUUTAMO_CONSUL_URL", "http://localhost:8500", "Consul agents to ask, a comma list tried in turn"),
)
OURS: tuple[tuple[str, str, str, str], ...] = (
    ("--lease", "NEAR_SUPERVISOR_LEASE", f"{DEFAULT_LEASE_MS / 1000:g}", "lease in seconds, the same on all nodes"),
    ("--run-dir", "NEAR_SUPERVISOR_RUN_DIR", "", "sockets, session and neard's log (default: NEARD_HOME/run)"),
    ("--neard", "NEAR_SUPERVISOR_NEARD", "neard", "the neard program"),
    ("--startup-timeout", "NEAR_SUPERVISOR_STARTUP_TIMEOUT", "120", "seconds for neard to answer after a start"),
    (
        "--startup-limit",
        "NEAR_SUPERVISOR_STARTUP_LIMIT",
        "21600",
        "seconds for a neard that works and does not answer, because it migrates its database",
    ),
    (
        "--stop-timeout",
        "NEAR_SUPERVISOR_STOP_TIMEOUT",
        "60",
        "seconds for neard to stop before it is killed, where nobody waits for it; else half a second",
    ),
    ("--height-patience", "NEAR_SUPERVISOR_HEIGHT_PATIENCE", "60", "seconds after which a wait for height is reported"),
    (
        "--failover-priority",
        "NEAR_SUPERVISOR_FAILOVER_PRIORITY",
        f"{DEFAULT_PRIORITY}",
        "0 to 100: 100 takes a free lease at once, a lower one later, 0 never by itself, only when asked",
    ),
    (
        "--strategy",
        "NEAR_SUPERVISOR_STRATEGY",
        "auto",
        "restart: a standby is started anew with the key; hot: it gets the key while it runs, where that can be done"
        " (neard 2.2 or later, set up as a shadow of the validator); auto: the same; kuutamod: the same,"
        " after it was started anew with --validator-node-key (without one, as auto): what the program kuutamod does by"
        " default",
    ),
    ("--guard", "NEAR_SUPERVISOR_GUARD", "own", "own: start the guard here; service: wait for the one of its own unit"),
    (
        "--other-locks",
        "NEAR_SUPERVISOR_OTHER_LOCKS",
        "",
        "comma list of names below kuutamod-leader/ that other validators' kuutamods lock in this Consul",
    ),
    (
        "--record-key",
        "NEAR_SUPERVISOR_RECORD_KEY",
        "",
        "file with the key that signs the records in Consul, 64 hexadecimal digits, the same on all nodes (default: the"
        " one that follows from the validator key)",
    ),
    (
        "--unsigned-records",
        "NEAR_SUPERVISOR_UNSIGNED_RECORDS",
        "refuse",
        "refuse: what no member has signed is waited out and gives nobody the lease; accept: for as long as a version"
        " runs on another node that does not sign",
    ),
    (
        "--neard-log-limit",
        "NEAR_SUPERVISOR_NEARD_LOG_LIMIT",
        "200",
        "with --guard own: MiB that neard.log and neard.log.1 may fill together; 0: no limit",
    ),
    *consul_access.ROWS,
    *hook_options.ROWS,
)
_MAX_LOG_MIB = 100_000
_GUARDS = ("own", "service")
_UNSIGNED = ("refuse", "accept")
_KEYS = ("validator_key", "voter_node_key")


@dataclass(frozen=True)
class Options:
    """Checked options; paths absolute, durations in milliseconds. Of secrets it holds paths, and the records' key,
    which no ``repr`` shows.

    Where no ``validator_node_key`` was given it is the host's own, whose public half ``node_public_key`` is.
    """

    neard: str
    neard_home: Path
    run_dir: Path
    validator_key: Path
    validator_node_key: Path
    voter_node_key: Path
    validator_public_key: str
    boot_nodes: str
    exporter_address: str
    validator_network_addr: str
    voter_network_addr: str
    account_id: str
    node_id: str
    hostname: str
    consul_url: str
    consul_access: ConsulAccess
    record_key: RecordKey
    guard_is_service: bool
    neard_log_bytes: int
    lease_ms: int
    startup_timeout_ms: int
    startup_limit_ms: int
    stop_timeout_ms: int
    height_patience_ms: int
    chain_may_stand_still: bool
    failover_priority: int
    strategy: Strategy
    validator_account_id: str
    other_locks: tuple[str, ...]
    node_public_key: str
    hooks: Hooks

    def node_key(self, as_validator: bool) -> Path:
        """With which node key neard is started: the host's own in either role, but for kuutamod's way.

        Peers of a host that was lost in silence refuse a second node with its node key for some 15 minutes, so one that
        the hosts share is of use only to who wants what kuutamod did, or is refused with the key all the same.
        """
        shared = as_validator and self.strategy in (Strategy.KUUTAMOD, Strategy.RESTART)
        return self.validator_node_key if shared else self.voter_node_key


def add_arguments(parser: argparse.ArgumentParser, environ: Mapping[str, str], strategy: str = "") -> None:
    """Declare every option of ``run``; a variable of the environment stands in for a missing flag.

    ``strategy`` is the default of --strategy, where that is not the usual one.
    """
    drop_in = parser.add_argument_group("as kuutamod")
    ours = parser.add_argument_group("new here")
    add_rows(drop_in, KUUTAMOD, environ)
    rows = [
        (flag, variable, strategy if strategy and flag == "--strategy" else default, text)
        for flag, variable, default, text in OURS
    ]
    add_rows(ours, rows, environ)
    ours.add_argument(
        "--chain-may-stand-still",
        action="store_true",
        default=environ.get("NEAR_SUPERVISOR_CHAIN_MAY_STAND_STILL") == "1",
        help="for a chain that cannot move without this validator: a standing chain counts as synced, and after"
        " --height-patience this node signs though its head is not above what its predecessor may have signed."
        " Whoever sets this answers for it that the predecessor is gone [$NEAR_SUPERVISOR_CHAIN_MAY_STAND_STILL=1]",
    )
    ours.add_argument(
        "--account-id-differs",
        action="store_true",
        default=environ.get("NEAR_SUPERVISOR_ACCOUNT_ID_DIFFERS") == "1",
        help="--account-id is meant to be another name than the account of the validator key"
        " [$NEAR_SUPERVISOR_ACCOUNT_ID_DIFFERS=1]",
    )


def add_rows(
    group: argparse._ActionsContainer, rows: Iterable[tuple[str, str, str, str]], environ: Mapping[str, str]
) -> None:
    """Declare options that are rows of flag, variable, default and help."""
    for flag, variable, default, text in rows:
        shown = f" (default {default})" if default else ""
        group.add_argument(
            flag, default=environ.get(variable) or default or None, metavar="X", help=f"{text}{shown} [${variable}]"
        )


def check(given: argparse.Namespace, environ: Mapping[str, str]) -> Options:
    """Options that can work; BadConfig or BadKey names the first that cannot, its value and the next step."""
    if not given.neard_home:
        raise BadConfig("--neard-home is missing", "Give neard's home directory, or set KUUTAMO_NEARD_HOME")
    home = Path(given.neard_home).absolute()
    if not home.is_dir():
        raise BadConfig(f"--neard-home {home} is not a directory", f"Create it with: neard --home {home} init")
    paths = {name: _key_path(given, environ, name) for name in _KEYS}
    shared = _shared_node_key(given, environ)
    if shared is not None:
        paths["validator_node_key"] = shared
    keys = {name: key_file.read_whole(path, _kind(name)) for name, path in paths.items()}
    neard = shutil.which(given.neard)
    if neard is None:
        raise BadConfig(f"neard program {given.neard!r} was not found", "Put it into PATH, or name it with --neard")
    if keys["voter_node_key"].public_key == keys["validator_key"].public_key:
        raise BadConfig(
            f"--voter-node-key {paths['voter_node_key']} holds the validator key",
            "Give the standby a node key of its own",
        )
    if shared is not None and keys["voter_node_key"].public_key == keys["validator_node_key"].public_key:
        raise BadConfig(
            f"--voter-node-key {paths['voter_node_key']} holds the key of --validator-node-key"
            f" {paths['validator_node_key']}",
            "Peers drop one of two nodes with one node key: give each host a voter node key of its own",
        )
    lease_ms = _seconds("--lease", given.lease)
    if not MIN_LEASE_MS <= lease_ms <= MAX_LEASE_MS:
        raise BadConfig(
            f"--lease {given.lease} is not between {MIN_LEASE_MS // 1000} and {MAX_LEASE_MS // 1000} seconds",
            "10 suits a network; shorter leases do not survive the loss of Consul's leader (about 3 s)",
        )
    if given.guard not in _GUARDS:
        raise BadConfig(
            f"--guard {given.guard!r} is neither 'own' nor 'service'",
            "service: a unit of its own runs near-supervisor guard; own: this process starts one",
        )
    for name in ("account_id", "node_id"):
        value = getattr(given, name)
        if value in ("", ".", "..") or not value.isprintable() or "/" in value or " " in value:
            raise BadConfig(f"--{name.replace('_', '-')} {value!r} is not a name", "Use letters, digits, '.', '-', '_'")
    _check_account(given, paths["validator_key"], keys["validator_key"].account_id)
    return Options(
        neard=neard,
        neard_home=home,
        run_dir=Path(given.run_dir or home / "run").absolute(),
        **{"validator_node_key": paths["voter_node_key"], **paths},
        validator_public_key=keys["validator_key"].public_key,
        boot_nodes=given.near_boot_nodes or "",
        exporter_address=given.exporter_address,
        validator_network_addr=given.validator_network_addr,
        voter_network_addr=given.voter_network_addr,
        account_id=given.account_id,
        node_id=given.node_id,
        hostname=socket.gethostname(),
        consul_url=given.consul_url,
        consul_access=consul_access.check(given, given.consul_url),
        record_key=_record_key(given, keys["validator_key"]),
        guard_is_service=given.guard == "service",
        neard_log_bytes=_mebibytes("--neard-log-limit", given.neard_log_limit),
        lease_ms=lease_ms,
        startup_timeout_ms=_seconds("--startup-timeout", given.startup_timeout),
        startup_limit_ms=_seconds("--startup-limit", given.startup_limit),
        stop_timeout_ms=_seconds("--stop-timeout", given.stop_timeout),
        height_patience_ms=_seconds("--height-patience", given.height_patience),
        chain_may_stand_still=given.chain_may_stand_still,
        failover_priority=_priority(given.failover_priority),
        strategy=_strategy(given.strategy, shared),
        validator_account_id=keys["validator_key"].account_id,
        other_locks=tuple(name for name in map(str.strip, (given.other_locks or "").split(",")) if name),
        node_public_key=keys["voter_node_key"].public_key,
        hooks=hook_options.check(given, _seconds),
    )


def _check_account(given: argparse.Namespace, path: Path, account_id: str) -> None:
    """A lease of another name is another lease. kuutamod's default is for whoever calls this program kuutamod."""
    as_kuutamod = getattr(given, "as_kuutamod", False) and given.account_id == DEFAULT_ACCOUNT_ID
    if given.account_id == account_id or given.account_id_differs or as_kuutamod:
        return
    raise BadConfig(
        f"--account-id {given.account_id} is not the account of the validator key {path}, which is {account_id}",
        f"Give --account-id {account_id} on all hosts of this validator: a lease of another name is another lease. If"
        " all of them have this name and it is meant, add --account-id-differs",
    )


def from_environment() -> Mapping[str, str]:
    """The process's environment."""
    return os.environ


def _key_path(given: argparse.Namespace, environ: Mapping[str, str], name: str) -> Path:
    """The given path, else ``$CREDENTIALS_DIRECTORY/NAME.json`` as systemd's LoadCredential puts it."""
    path = getattr(given, name)
    if path:
        return Path(path).absolute()
    directory = environ.get("CREDENTIALS_DIRECTORY")
    flag = f"--{name.replace('_', '-')}"
    if not directory:
        raise BadConfig(f"{flag} is missing", f"Give a path, or {name}.json through systemd's LoadCredential")
    return Path(directory) / f"{name}.json"


def _kind(name: str) -> Kind:
    return Kind.VALIDATOR if name == "validator_key" else Kind.NODE


def _shared_node_key(given: argparse.Namespace, environ: Mapping[str, str]) -> Path | None:
    """kuutamod's way: one node key for whoever validates. None: each host keeps its own."""
    if given.validator_node_key:
        return Path(given.validator_node_key).absolute()
    directory = environ.get("CREDENTIALS_DIRECTORY")
    credential = Path(directory) / "validator_node_key.json" if directory else None
    return credential if credential is not None and credential.exists() else None


def _record_key(given: argparse.Namespace, validator_key: KeyFile) -> RecordKey:
    if given.unsigned_records not in _UNSIGNED:
        raise BadConfig(
            f"--unsigned-records {given.unsigned_records!r} is neither 'refuse' nor 'accept'",
            "refuse is right, but while older versions run on other nodes",
        )
    accepts = given.unsigned_records == "accept"
    if given.record_key:
        return record_key.load(Path(given.record_key).absolute(), accepts_unsigned=accepts)
    return record_key.of_validator(validator_key, accepts_unsigned=accepts)


def _seconds(flag: str, text: str) -> int:
    try:
        milliseconds = round(float(text) * 1000)
    except (ValueError, OverflowError):
        raise BadConfig(f"{flag} {text!r} is not a number of seconds", "Give seconds, such as 10 or 2.5") from None
    if milliseconds <= 0:
        raise BadConfig(f"{flag} {text} is not above 0", "Give seconds, such as 10 or 2.5")
    return milliseconds


def _mebibytes(flag: str, text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > len(str(_MAX_LOG_MIB)):
        raise BadConfig(f"{flag} {text!r} is not a whole number of MiB below {10 * _MAX_LOG_MIB}", "200 is usual")
    return int(text) * 2**20


def _strategy(text: str, shared_node_key: Path | None) -> Strategy:
    try:
        strategy = Strategy(text)
    except ValueError:
        known = ", ".join(each.value for each in Strategy)
        raise BadConfig(f"--strategy {text!r} is none of {known}", "restart suits every neard") from None
    return Strategy.AUTO if strategy is Strategy.KUUTAMOD and shared_node_key is None else strategy


def _priority(text: str) -> int:
    whole = text.isascii() and text.isdecimal() and len(text) <= len(str(MAX_PRIORITY))
    if not whole or int(text) > MAX_PRIORITY:
        raise BadConfig(
            f"--failover-priority {text!r} is not a whole number from 0 to {MAX_PRIORITY}",
            f"{MAX_PRIORITY} takes over at once, a lower one later, 0 never by itself",
        )
    return int(text)
