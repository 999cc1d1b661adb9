"""Can the key be given to the neard that runs (strategy hot), or has neard to be started anew with it (restart)?

neard takes a key at a SIGHUP since 2.2 (its config updater re-reads the key file). A signal that comes before it has
installed its handlers kills it, so the kernel has to say that it has, or it has answered for a while; a node that does
not keep the shards of the validator stalls with the key; and a validator of a public network that tracks all shards
ends with a panic.
"""

from __future__ import annotations

from ..facts.abilities import Ability, has, unknown
from ..facts.model import Node
from ..facts.neard import Neard
from ..facts.settings import Strategy

SETTLED_MS = 1_000
# neard takes the key up with the next message, within a second; what takes longer is no takeover.
CONFIRM_MS = 5_000
# A neard that was started afresh without the key may take it; what fails again needs a person, or a new start with it.
TRIES = 2
ALL_SHARDS = "*"
PUBLIC_CHAINS = ("mainnet", "testnet")


def against(node: Node) -> str:
    """Why this node's neard could not be given the key while it runs; "" when it could."""
    settings, neard = node.settings, node.neard
    if settings.strategy is Strategy.RESTART:
        return "strategy restart"
    if node.hot.count >= TRIES:
        return f"it has failed {node.hot.count} times: {node.hot.reason}"
    if neard is None or not neard.answered:
        return "neard does not answer"
    takes_key = has(neard.version, Ability.TAKES_KEY)
    if takes_key is None:
        return f"{unknown(neard.version)}, so that nobody knows whether it takes a key while it runs"
    if not takes_key:
        return f"neard {neard.version} takes no key while it runs, {Ability.TAKES_KEY.first} was the first"
    return _against_shards(node, neard)


def against_as_it_runs(node: Node) -> str:
    """Why a takeover would not leave this node's neard as it runs, but start it anew; "" when it would."""
    return against(node) or ("strategy kuutamod" if node.settings.strategy is Strategy.KUUTAMOD else "")


def _against_shards(node: Node, neard: Neard) -> str:
    account, kept = node.settings.validator_account_id, node.settings.keeps_shards_of
    if kept == ALL_SHARDS:
        if neard.chain_id in PUBLIC_CHAINS:
            return f"neard tracks all shards, and ends when a validator of {neard.chain_id} does"
        return ""
    if kept != account:
        wanted = f'{{"ShadowValidator": "{account}"}}'
        return f"neard does not keep the shards of {account}: its tracked_shards_config is not {wanted}"
    return ""


def gives_back(node: Node) -> bool:
    """Can its neard be seen to give its key up while it runs? (2.2 was the first that takes a removal, too.)

    One with the node key that the hosts share is in its successor's way for as long as it runs.
    """
    neard = node.neard
    if neard is None or (neard.as_validator and node.settings.strategy is Strategy.KUUTAMOD):
        return False
    return neard.shows_key and not neard.misses and not against(node)


def settled_at(neard: Neard) -> int:
    """From when on SIGHUP cannot kill it: at once where the kernel says so."""
    return neard.answered_at + (0 if neard.catches_hangup else SETTLED_MS)


def confirmed_by(neard: Neard) -> int | None:
    """Until when it has to show the key that it was given; None when it was given none, shows it, or is starting."""
    if neard.key_given_at is None or neard.shows_key or not neard.answered or neard.key_taken_at is not None:
        return None
    return max(neard.key_given_at, neard.answered_at) + CONFIRM_MS
