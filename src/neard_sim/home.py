"""A home directory as a node loads it: config, genesis, node key and, if there is one, the validator key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from near_ha.errors import BadKey
from near_ha.keys.key_file import Kind

from . import config as config_file
from . import genesis as genesis_file
from . import log
from .config import BadConfig, NodeConfig
from .genesis import Genesis
from .keys import Signer
from .settings import Settings


@dataclass(frozen=True)
class Home:
    """Everything ``run`` needs from disk, read and checked."""

    path: Path
    config: NodeConfig
    genesis: Genesis
    node_key: Signer
    validator: Signer | None

    def check_shards(self, signer: Signer | None, settings: Settings) -> None:
        """2.x ends when a current validator tracks all shards, at its start and at a reload; not on local networks."""
        if signer is None or not self.config.tracks_all_shards or settings.version != "2.x":
            return
        strict = settings.all_shards_panic or self.genesis.chain_id in ("mainnet", "testnet")
        if strict and self.genesis.first_epoch.find(signer.account_id) is not None:
            log.panic(
                "The `chain_id` field specified in genesis is among mainnet/testnet, so validators must not track all "
                'shards. Please change `tracked_shards_config` field in `config.json` to "NoShards".'
            )


def load(path: Path) -> Home:
    """Read ``path`` as ``run`` and ``validate-config`` do; BadConfig says what is wrong."""
    config = config_file.load(path)
    chain = genesis_file.load(path / config.genesis_file)
    node_key = _read(path / config.node_key_file, Kind.NODE)
    return Home(path, config, chain, node_key, load_validator(path, config))


def load_validator(path: Path, config: NodeConfig) -> Signer | None:
    """The validator key, or None if its file is not there; BadConfig if it is there and no good.

    As in neard the test follows links: a dangling one counts as no key.
    """
    key_path = path / config.validator_key_file
    try:
        if not key_path.exists():
            return None
    except OSError:
        # A directory that may not be searched: neard, too, takes it for "no key".
        return None
    return _read(key_path, Kind.VALIDATOR)


def _read(path: Path, kind: Kind) -> Signer:
    try:
        return Signer.read(path, kind)
    except BadKey as error:
        raise BadConfig(f"Failed to deserialize key file: {error}") from None
