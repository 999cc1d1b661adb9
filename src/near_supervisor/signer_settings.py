"""Settings that belong to a lease which is held: a supervisor that comes back to a running signer must have the same.

Another lease, block time, strategy, priority or path of the same key do no harm there (docs/explanation/safety.md).
With one of these the signer would be taken for nobody's, or its lease for another one's: it would lose it without need.
"""

from __future__ import annotations

from collections.abc import Mapping

from near_ha.errors import BadConfig

from .commandline.options import Options
from .io.neard_config import NeardConfig

_ACCOUNT, _NODE, _KEY, _HOME = "--account-id", "--node-id", "the public key of --validator-key", "--neard-home"
_LINK, _RPC = "validator_key_file of config.json", "rpc.addr of config.json"
_WHY = {
    _ACCOUNT: "its lease would be renewed by nobody",
    _NODE: "its lease and its member record bear the old name, and two nodes would seem to be there",
    _KEY: "it signs with the old key",
    _HOME: "its guard guards the old one, and would be ended with it",
    _LINK: "its guard looks after the old place of the key, and would be ended with it",
    _RPC: "its neard answers at the old one, and would be taken for one that hangs",
}


def of(options: Options, config: NeardConfig) -> dict[str, str]:
    """What a signer that is started with these belongs to; nothing secret."""
    return {
        _ACCOUNT: options.account_id,
        _NODE: options.node_id,
        _KEY: options.validator_public_key,
        _HOME: str(options.neard_home),
        _LINK: str(config.validator_key_file),
        _RPC: f"{config.rpc_host}:{config.rpc_port}",
    }


def changed(kept: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The names of those that are not as they were; what was not kept (by an older version) counts as it is now."""
    return [name for name, value in now.items() if kept.get(name, value) != value]


def refusal(kept: Mapping[str, str], now: Mapping[str, str], pid: int, left_ms: int) -> BadConfig:
    """What stands against a start with these settings, ``left_ms`` before the guard ends the signer."""
    differ = "; ".join(
        f"{name} was {kept[name]!r} and is now {now[name]!r}: {_WHY[name]}" for name in changed(kept, now)
    )
    return BadConfig(
        f"neard {pid} signs under settings that have changed: {differ}",
        f"Start again with the old value within {max(0, left_ms) / 1000:.1f} s, and it signs on; then"
        " near-supervisor demote (or stop), and change it after that. Without that the guard ends neard then, another"
        " node takes over, and this one can be started with the new value",
    )
