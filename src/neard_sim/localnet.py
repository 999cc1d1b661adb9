"""``neard localnet``: home directories for a whole local network."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import config, default_config, genesis
from .keys import Signer

_EPOCH_LENGTH = 60
_TRACKED = {"all": "AllShards", "none": "NoShards"}


@dataclass(frozen=True)
class LocalnetOptions:
    """What the command line asks for."""

    validators: int
    non_validators: int
    shards: int
    prefix: str
    tracked_shards: str
    host: str
    archival: int = 0
    """How many of ``non_validators``, the last ones, are archival nodes."""


def write(home: Path, options: LocalnetOptions) -> None:
    """Write ``home``/<prefix>0 and so on: all nodes share one genesis; every node's key is a validator's, too."""
    names = [f"{options.prefix}{index}" for index in range(options.validators + options.non_validators)]
    signers = [Signer.from_name(name) for name in names]
    public = [(signer.account_id, signer.public_key) for signer in signers]
    seats, others = public[: options.validators], public[options.validators :]
    # A real one makes an id up, as `init` does; the roles' variables for a localnet name this one.
    chain = genesis.build("localnet", _EPOCH_LENGTH, options.shards, seats, others)
    host = options.host if options.host != "::1" or _has_ipv6() else "127.0.0.1"
    ports = _free_ports(host, 2 * len(names))
    boot = ""
    for index, (name, signer) in enumerate(zip(names, signers, strict=True)):
        directory = home / name
        directory.mkdir(parents=True, exist_ok=True)
        network_addr = config.show_address(host, ports[2 * index])
        document = _config(options, boot, network_addr, config.show_address(host, ports[2 * index + 1]))
        document["network"]["public_addrs"] = [f"{signer.public_key}@{network_addr}"]
        if index >= len(names) - options.archival:
            document["archive"] = True
        if not boot:
            boot = f"{signer.public_key}@{network_addr}"
        write_json(directory / "config.json", document)
        write_json(directory / "genesis.json", chain)
        write_json(directory / "log_config.json", {"opentelemetry": None, "rust_log": None, "verbose_module": None})
        signer.write(directory / "validator_key.json")
        Signer("node", signer.seed).write(directory / "node_key.json")


def _config(options: LocalnetOptions, boot: str, network_addr: str, rpc_addr: str) -> dict[str, Any]:
    document = default_config.document()
    document["rpc"] |= {"addr": rpc_addr, "enable_debug_rpc": True}
    document["network"] |= {
        "addr": network_addr,
        "boot_nodes": boot,
        "skip_sync_wait": options.validators == 1,
        "allow_private_ip_in_public_addrs": True,
    }
    document["network"]["tier1"]["connect_interval"] = default_config.duration(5000)
    document["consensus"] |= {
        "min_num_peers": min(options.validators - 1, 3),
        "max_block_production_delay": default_config.duration(2000),
    }
    document["tracked_shards_config"] = _TRACKED.get(options.tracked_shards) or {
        "Shards": [f"s{number}.v0" for number in options.tracked_shards.split(",")]
    }
    return document


def write_json(path: Path, document: Any) -> None:
    """Write ``document`` pretty-printed, whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(json.dumps(document, indent=2) + "\n")
    temporary.rename(path)


def _has_ipv6() -> bool:
    """Whether this machine has the loopback address that a real one takes: many a container does not."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _free_ports(host: str, count: int) -> list[int]:
    """Ports of ``host`` that are free now. All are held until the last is found, so no two are the same."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    held = [socket.socket(family, socket.SOCK_STREAM) for _number in range(count)]
    try:
        for item in held:
            item.bind((host, 0))
        return [item.getsockname()[1] for item in held]
    finally:
        for item in held:
            item.close()
