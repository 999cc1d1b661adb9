"""``neard init``: one home directory; on a second run it only re-creates missing key files."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from . import config, default_config, genesis, localnet
from .config import BadConfig
from .keys import Signer

_PUBLIC_CHAINS = ("mainnet", "testnet")
_TELEMETRY = "https://telemetry.nearone.org/nodes"


@dataclass(frozen=True)
class InitOptions:
    """What the command line asks for."""

    chain_id: str | None = None
    account_id: str | None = None
    genesis: Path | None = None
    boot_nodes: str | None = None
    shards: int = 1
    fast: bool = False
    test_seed: str | None = None


def write(home: Path, options: InitOptions) -> None:
    """Write what is missing in ``home``; BadConfig if that cannot be done."""
    if options.chain_id == "":
        raise BadConfig("Invalid --chain-id: it must not be empty")
    home.mkdir(parents=True, exist_ok=True)
    known = home / config.FILE_NAME
    fresh = not known.exists()
    chain_id = _existing_chain(home) if not fresh else options.chain_id or genesis.new_chain_id()
    is_public = chain_id in _PUBLIC_CHAINS
    if fresh and chain_id == "testnet" and options.genesis is None:
        raise BadConfig("Genesis file is required for testnet. Use <--genesis|--download-genesis>")
    signer = _validator_key(home, options, is_public=is_public)
    if not (home / "node_key.json").exists():
        Signer.random("node").write(home / "node_key.json")
    if fresh:
        _write_chain(home, options, chain_id, signer)


def _existing_chain(home: Path) -> str:
    settings = config.load(home)
    return genesis.load(home / settings.genesis_file).chain_id


def _validator_key(home: Path, options: InitOptions, *, is_public: bool) -> Signer | None:
    path = home / "validator_key.json"
    if path.exists():
        signer = Signer.read(path)
        if options.account_id is not None and signer.account_id != options.account_id:
            raise BadConfig(f"'{path}' already exists with account id {signer.account_id}, not {options.account_id}")
        return signer
    if options.account_id is None and is_public:
        return None
    account = options.account_id or "test.near"
    signer = Signer.from_name(account, options.test_seed) if options.test_seed is not None else Signer.random(account)
    signer.write(path)
    return signer


def _write_chain(home: Path, options: InitOptions, chain_id: str, signer: Signer | None) -> None:
    document = default_config.document()
    document["network"]["boot_nodes"] = options.boot_nodes or ""
    if chain_id in _PUBLIC_CHAINS:
        document["telemetry"]["endpoints"] = [_TELEMETRY]
        document["consensus"]["max_block_production_delay"] = default_config.duration(1800)
    else:
        document["network"]["skip_sync_wait"] = options.boot_nodes is None
        if options.fast:
            document["consensus"] |= {
                "min_block_production_delay": default_config.duration(120),
                "max_block_production_delay": default_config.duration(500),
            }
    target = home / "genesis.json"
    if options.genesis is not None:
        genesis.load(options.genesis)
        if not (target.exists() and target.samefile(options.genesis)):
            shutil.copyfile(options.genesis, target)
    else:
        # The simulation has no copy of mainnet's genesis: a stand-in with one seat, nobody's.
        seat = signer or Signer.from_name("validator.near")
        localnet.write_json(
            target,
            genesis.build(
                chain_id, 60 if options.fast else 500, options.shards, [(seat.account_id, seat.public_key)], []
            ),
        )
    # Last: a home with config.json counts as initialised.
    localnet.write_json(home / config.FILE_NAME, document)
