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
class Plan:
    """What the command line asks for."""

    chain_id: str | None = None
    account_id: str | None = None
    genesis: Path | None = None
    boot_nodes: str | None = None
    shards: int = 1
    fast: bool = False
    test_seed: str | None = None


def write(home: Path, plan: Plan) -> None:
    """Write what is missing in ``home``; BadConfig if the plan cannot be carried out."""
    if plan.chain_id == "":
        raise BadConfig("Invalid --chain-id: it must not be empty")
    home.mkdir(parents=True, exist_ok=True)
    known = home / config.FILE_NAME
    fresh = not known.exists()
    chain_id = _existing_chain(home) if not fresh else plan.chain_id or genesis.new_chain_id()
    is_public = chain_id in _PUBLIC_CHAINS
    if fresh and chain_id == "testnet" and plan.genesis is None:
        raise BadConfig("Genesis file is required for testnet. Use <--genesis|--download-genesis>")
    signer = _validator_key(home, plan, is_public=is_public)
    if not (home / "node_key.json").exists():
        Signer.random("node").write(home / "node_key.json")
    if fresh:
        _write_chain(home, plan, chain_id, signer)


def _existing_chain(home: Path) -> str:
    settings = config.load(home)
    return genesis.load(home / settings.genesis_file).chain_id


def _validator_key(home: Path, plan: Plan, *, is_public: bool) -> Signer | None:
    path = home / "validator_key.json"
    if path.exists():
        signer = Signer.read(path)
        if plan.account_id is not None and signer.account_id != plan.account_id:
            raise BadConfig(f"'{path}' already exists with account id {signer.account_id}, not {plan.account_id}")
        return signer
    if plan.account_id is None and is_public:
        return None
    account = plan.account_id or "test.near"
    signer = Signer.from_name(account, plan.test_seed) if plan.test_seed is not None else Signer.random(account)
    signer.write(path)
    return signer


def _write_chain(home: Path, plan: Plan, chain_id: str, signer: Signer | None) -> None:
    document = default_config.document()
    document["network"]["boot_nodes"] = plan.boot_nodes or ""
    if chain_id in _PUBLIC_CHAINS:
        document["telemetry"]["endpoints"] = [_TELEMETRY]
        document["consensus"]["max_block_production_delay"] = default_config.duration(1800)
    else:
        document["network"]["skip_sync_wait"] = plan.boot_nodes is None
        if plan.fast:
            document["consensus"] |= {
                "min_block_production_delay": default_config.duration(120),
                "max_block_production_delay": default_config.duration(500),
            }
    target = home / "genesis.json"
    if plan.genesis is not None:
        genesis.load(plan.genesis)
        if not (target.exists() and target.samefile(plan.genesis)):
            shutil.copyfile(plan.genesis, target)
    else:
        # The simulation has no copy of mainnet's genesis: a stand-in with one seat, nobody's.
        seat = signer or Signer.from_name("validator.near")
        localnet.write_json(
            target,
            genesis.build(chain_id, 60 if plan.fast else 500, plan.shards, [(seat.account_id, seat.public_key)], []),
        )
    # Last: a home with config.json counts as initialised.
    localnet.write_json(home / config.FILE_NAME, document)
