"""``genesis.json``: reading and checking it, and building one for a local network."""

from __future__ import annotations

import calendar
import hashlib
import re
import secrets
import string
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from near_ha.host import relaxed_json

from . import block, clock
from .config import BadConfig
from .validators import Epoch, EpochRules, Validator

NEAR = 10**24
PROTOCOL_VERSION = 86
_STAKE = 50_000_000 * NEAR
_BALANCE = 1_000_000_000 * NEAR
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)")


@dataclass(frozen=True)
class Genesis:
    """What a node needs to know of its chain."""

    chain_id: str
    protocol_version: int
    first_block: block.Block
    first_epoch: Epoch
    rules: EpochRules


def load(path: Path) -> Genesis:
    """Read and check a genesis file; BadConfig says what is wrong."""
    try:
        document = relaxed_json.loads(path.read_text())
    except OSError as error:
        raise BadConfig(f"Failed to read genesis config file {path}: {error.strerror}") from None
    except ValueError as error:
        raise BadConfig(f"Failed to parse genesis file {path}: {error}") from None
    try:
        return parse(document)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadConfig(f"genesis config check failed, {path}: {error}") from None


def parse(document: Any) -> Genesis:
    """The chain of a parsed document; KeyError, TypeError or ValueError if it cannot be one."""
    validators = tuple(
        Validator(str(item["account_id"]), str(item["public_key"]), int(item["amount"]))
        for item in document["validators"]
    )
    if not validators:
        raise ValueError("there are no validators")
    _check_money(document, validators)
    height = int(document["genesis_height"])
    length = int(document["epoch_length"])
    if length < 1:
        raise ValueError("epoch_length must be at least 1")
    rules = EpochRules(
        height,
        length,
        int(document.get("block_producer_kickout_threshold", 90)),
        int(document.get("chunk_producer_kickout_threshold", 90)),
    )
    salt = hashlib.sha256(repr((validators, rules)).encode()).hexdigest()
    started = parse_time(document["genesis_time"])
    chain_id = str(document["chain_id"])
    return Genesis(
        chain_id,
        int(document["protocol_version"]),
        block.genesis_block(chain_id, height, started, salt),
        Epoch(0, validators, validators),
        rules,
    )


def _check_money(document: Any, validators: tuple[Validator, ...]) -> None:
    """What nearcore's genesis validation checks of accounts, in its own words."""
    accounts = [item["Account"] for item in document["records"] if "Account" in item]
    locked = {item["account_id"]: int(item["account"]["locked"]) for item in accounts}
    staked = {account: amount for account, amount in locked.items() if amount}
    if staked != {item.account_id: item.stake for item in validators}:
        raise ValueError("Validator accounts do not match staked accounts.")
    total = sum(int(item["account"]["amount"]) + int(item["account"]["locked"]) for item in accounts)
    if total != int(document["total_supply"]):
        raise ValueError(f"wrong total supply. account_id_balances: {total}, total_supply: {document['total_supply']}")


def parse_time(text: str) -> int:
    """Nanoseconds since 1970 of an RFC 3339 time in UTC; ValueError for anything else."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"genesis_time {text!r} is not an RFC 3339 time in UTC")
    *parts, fraction = match.groups()
    seconds = calendar.timegm(time.struct_time((*map(int, parts), 0, 0, 0)))
    return seconds * clock.NS_PER_S + int((fraction or "0").ljust(9, "0"))


def new_chain_id() -> str:
    """A random one, as of a chain for tests."""
    return "test-chain-" + "".join(secrets.choice(string.ascii_letters + string.digits) for _number in range(5))


def build(
    chain_id: str, epoch_length: int, shards: int, signers: list[tuple[str, str]], accounts: list[tuple[str, str]]
) -> dict[str, Any]:
    """A genesis document: ``signers`` are validators with equal stake, ``accounts`` only hold money.

    Both are pairs of account id and public key.
    """
    everyone = [(name, key, _STAKE) for name, key in signers] + [(name, key, 0) for name, key in accounts]
    records: list[dict[str, Any]] = []
    for name, key, locked in everyone:
        records.append({"Account": {"account_id": name, "account": _account(locked)}})
        records.append(
            {
                "AccessKey": {
                    "account_id": name,
                    "public_key": key,
                    "access_key": {"nonce": 0, "permission": "FullAccess"},
                }
            }
        )
    return {
        "protocol_version": PROTOCOL_VERSION,
        "genesis_time": clock.rfc3339(clock.wall_ns()),
        "chain_id": chain_id,
        "genesis_height": 0,
        "num_block_producer_seats": 50,
        "num_block_producer_seats_per_shard": [50] * shards,
        "avg_hidden_validator_seats_per_shard": [0] * shards,
        "dynamic_resharding": False,
        "epoch_length": epoch_length,
        "gas_limit": 1_000_000_000_000_000,
        "min_gas_price": "100000000",
        "max_gas_price": "10000000000000000000000",
        "block_producer_kickout_threshold": 90,
        "chunk_producer_kickout_threshold": 90,
        "chunk_validator_only_kickout_threshold": 80,
        "online_min_threshold": [9, 10],
        "online_max_threshold": [99, 100],
        "gas_price_adjustment_rate": [1, 100],
        "validators": [
            {"account_id": name, "public_key": key, "amount": str(locked)} for name, key, locked in everyone if locked
        ],
        "transaction_validity_period": 100,
        "protocol_reward_rate": [0, 1],
        "max_inflation_rate": [0, 1],
        "total_supply": str(sum(_BALANCE + locked for _account, _key, locked in everyone)),
        "num_blocks_per_year": 31_536_000,
        "protocol_treasury_account": everyone[0][0],
        "fishermen_threshold": "10000000000000000000000000",
        "minimum_stake_divisor": 10,
        "shard_layout": {"V0": {"num_shards": shards, "version": 0}},
        "num_chunk_only_producer_seats": 300,
        "minimum_validators_per_shard": 1,
        "max_kickout_stake_perc": 100,
        "minimum_stake_ratio": [1, 6250],
        "use_production_config": False,
        "records": records,
    }


def _account(locked: int) -> dict[str, Any]:
    return {
        "amount": str(_BALANCE),
        "locked": str(locked),
        "code_hash": "1" * 32,
        "storage_usage": 0,
        "version": "V1",
    }
