"""What is measured at an event, and what it may be at most."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from near_localnet.options import Options

Bound = Callable[[Options], float]
"""Seconds, from what the localnet was started with."""


@dataclass(frozen=True)
class Measure:
    """One line of the table. `bound` is None for what is only reported; `rule` is the bound in words."""

    key: str
    text: str
    rule: str = ""
    bound: Bound | None = None
    unit: str = "s"
    """Seconds, or "" for what is counted."""

    def bound_s(self, options: Options) -> float | None:
        """The bound with these settings, in seconds."""
        return self.bound(options) if self.bound else None


Values = Mapping[str, float]
"""Seconds, or a number, by the key of their measure: what one run has yielded."""


def _delay_s(options: Options) -> float:
    return options.start_delay_ms / 1000


AT_ONCE = Measure("gap", "gap", "delay + 1 s", lambda given: _delay_s(given) + 1)
AFTER_LEASE = Measure("gap", "gap", "lease + delay + 1 s", lambda given: given.lease_s + _delay_s(given) + 1)
SWITCHED = Measure("gap", "gap", "delay + 0.5 s", lambda given: _delay_s(given) + 0.5)
COORDINATION = Measure("coordination", "released by the old → acquired by the new", "50 ms", lambda _given: 0.05)
COMMAND = Measure("command", "from the command to its end")
ANSWER = Measure("answer", "from Python's start to its end", "300 ms", lambda _given: 0.3)
NO_GAP = Measure("gap", "gap", "0", lambda _given: 0.0)
SILENCE = Measure("silence", "longest silence of the signer")
SILENCE_BEFORE = Measure("silence_before", "the same, as long before the event")
BACK = Measure("back", "supervisor Validating again, after its start")
NO_WRITES = Measure("no_writes", "until Consul takes writes again")
SIGNER_STOPS = Measure(
    "stops", "signer's last signature, after Consul's last answer", "lease", lambda given: given.lease_s
)
SIGNS_AGAIN = Measure(
    "again",
    "first signature, after Consul's return",
    "lease + delay + 2 s",
    lambda given: given.lease_s + _delay_s(given) + 2,
)
SIGNS_AFTER_WRITE = Measure("again_write", "the same, after Consul's first write")
SIGNS_AFTER_THIRD = Measure("third", "first signature, after the third new block", "delay", _delay_s)
SIGNS_AFTER_FIRST = Measure("first", "the same, after the first one")
HALTED = Measure("halted", "from the last block before the halt to the first new one")
