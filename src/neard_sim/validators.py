"""Who may sign what: validators of an epoch, the producer of each height, counters, and kickout.

Pure functions. Simpler than neard: producers follow one fixed order per epoch, in proportion to stake,
instead of a draw from a seed; there is one shard; nobody comes back after a kickout.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

_CYCLE_SLOTS = 100


@dataclass(frozen=True)
class Validator:
    """One seat: the account, its registered public key and its stake in yoctoNEAR."""

    account_id: str
    public_key: str
    stake: int


@dataclass(frozen=True)
class EpochRules:
    """What genesis fixes about epochs. Thresholds in percent."""

    genesis_height: int
    epoch_length: int
    block_kickout: int = 90
    chunk_kickout: int = 90

    def epoch_of(self, height: int) -> int:
        """The index of the epoch that ``height`` belongs to; the first one is 0."""
        return max(0, height - self.genesis_height - 1) // self.epoch_length

    def start_of(self, epoch: int) -> int:
        """The first height of ``epoch``."""
        return self.genesis_height + 1 + epoch * self.epoch_length


@dataclass(frozen=True)
class Counters:
    """What one validator did and should have done in the epoch so far."""

    blocks: int = 0
    blocks_expected: int = 0
    chunks: int = 0
    chunks_expected: int = 0
    endorsements: int = 0
    endorsements_expected: int = 0


@dataclass(frozen=True)
class Epoch:
    """The validators of one epoch and of the next, and who was kicked out when they were chosen."""

    index: int
    validators: tuple[Validator, ...]
    next_validators: tuple[Validator, ...]
    kickouts: tuple[tuple[str, str], ...] = ()
    total_stake: int = field(init=False)

    def __post_init__(self) -> None:
        """Sum the stakes once."""
        object.__setattr__(self, "total_stake", sum(item.stake for item in self.validators))

    def producer(self, height: int) -> Validator:
        """The only one who may make the block of ``height``."""
        cycle = production_cycle(self.validators)
        return self.validators[cycle[height % len(cycle)]]

    def chunk_producer(self, height: int) -> Validator:
        """The only one who may make the chunk of ``height``: half a cycle away from the block's producer."""
        cycle = production_cycle(self.validators)
        return self.validators[cycle[(height + len(cycle) // 2) % len(cycle)]]

    def find(self, account_id: str) -> Validator | None:
        """The seat of ``account_id``, if it has one."""
        return next((item for item in self.validators if item.account_id == account_id), None)

    def has_supermajority(self, accounts: set[str]) -> bool:
        """Whether ``accounts`` hold more than two thirds of the stake."""
        return 3 * sum(item.stake for item in self.validators if item.account_id in accounts) > 2 * self.total_stake


@lru_cache(maxsize=64)
def production_cycle(validators: tuple[Validator, ...]) -> tuple[int, ...]:
    """Indices of producers for successive heights: smooth weighted round robin, equal stakes take turns."""
    smallest = min(item.stake for item in validators)
    weights = [max(1, round(item.stake / smallest)) if smallest else 1 for item in validators]
    total = sum(weights)
    if total > _CYCLE_SLOTS:
        weights = [max(1, weight * _CYCLE_SLOTS // total) for weight in weights]
        total = sum(weights)
    credit = [0] * len(weights)
    cycle = []
    for _draw in range(total):
        credit = [have + weight for have, weight in zip(credit, weights, strict=True)]
        chosen = max(range(len(credit)), key=lambda index: (credit[index], -index))
        credit[chosen] -= total
        cycle.append(chosen)
    return tuple(cycle)


def next_epoch(epoch: Epoch, counters: dict[str, Counters], rules: EpochRules) -> Epoch:
    """The epoch after ``epoch``, whose counters are final: kickouts act two epochs after the fault."""
    reasons: dict[str, str] = {}
    ratios: dict[str, float] = {}
    for item in epoch.validators:
        done = counters.get(item.account_id, Counters())
        ratios[item.account_id] = _ratio(done.blocks, done.blocks_expected)
        if done.blocks * 100 < rules.block_kickout * done.blocks_expected:
            reasons[item.account_id] = "NotEnoughBlocks"
        elif done.chunks * 100 < rules.chunk_kickout * done.chunks_expected:
            reasons[item.account_id] = "NotEnoughChunks"
    kept = tuple(item for item in epoch.next_validators if item.account_id not in reasons)
    if not kept:
        # As in neard, the best one stays whatever it did: a chain without validators is over.
        best = max(epoch.next_validators, key=lambda item: ratios.get(item.account_id, 0.0))
        reasons.pop(best.account_id, None)
        kept = (best,)
    return Epoch(epoch.index + 1, epoch.next_validators, kept, tuple(sorted(reasons.items())))


def _ratio(done: int, expected: int) -> float:
    return done / expected if expected else 1.0
