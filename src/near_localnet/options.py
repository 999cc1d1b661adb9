"""What a localnet is started with; kept in its state file so that later commands start parts in the same way."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from near_localnet.problem import Problem

SHORTEST_LEASE_S = 2.0
SHORTEST_BLOCK_MS = 50
STRATEGIES = ("restart", "hot", "auto", "kuutamod")
DIRECT_LINKS = ("none", "others", "all")


def chosen_neard() -> str:
    """The real neard that the variable NEARD names, or "" without one. Raises Problem for what cannot be run."""
    named = os.environ.get("NEARD", "")
    found = shutil.which(named) if named else ""
    if found is None:
        raise Problem(f"NEARD={named} does not name a program that can be run.", "Unset it to have neard simulated.")
    return str(Path(found).absolute()) if found else ""


@dataclass(frozen=True)
class Options:
    """Times of the cluster, and the programs that make it up."""

    lease_s: float = 4.0
    block_time_ms: int = 600
    start_delay_ms: int = 1000
    """How long the simulated neard takes to start."""
    stop_delay_ms: int = 1000
    """How long it takes to stop; a real one takes 0.2 to 8 s."""
    epoch_length: int = 5000
    others_stake: int = 1
    """So many times the stake of the pair's validator has each of the others: the more, the rarer are its blocks."""
    strategy: str = "auto"
    """How a standby gets the key: restart, hot, auto or kuutamod."""
    key_routing: bool = True
    """Simulated peers keep one connection per validator key, and refuse a second holder while they have the first's."""
    direct_links: str = "none"
    """Which validators a real neard connects directly (tier 1): none, those that are not of the pair, or all."""
    neard: str = ""
    """A real neard, or empty for the simulated one."""
    consul: str = ""

    def checked(self) -> Options:
        """These options; raises Problem for a value that cannot work."""
        if self.lease_s < SHORTEST_LEASE_S:
            raise Problem(f"--lease {self.lease_s:g} is too short.", f"A lease lasts {SHORTEST_LEASE_S:g} s or longer.")
        if self.block_time_ms < SHORTEST_BLOCK_MS:
            raise Problem(
                f"--block-time-ms {self.block_time_ms} is too short.",
                f"A block takes {SHORTEST_BLOCK_MS} ms or longer.",
            )
        if self.start_delay_ms < 0:
            raise Problem(f"--start-delay {self.start_delay_ms} is negative.", "Give milliseconds, 0 or more.")
        if self.stop_delay_ms < 0:
            raise Problem(f"--stop-delay {self.stop_delay_ms} is negative.", "Give milliseconds, 0 or more.")
        if self.others_stake < 1:
            raise Problem(f"--others-stake {self.others_stake} is too small.", "Give a whole number, 1 or more.")
        if self.strategy not in STRATEGIES:
            raise Problem(f"--strategy {self.strategy} is unknown.", f"There are {', '.join(STRATEGIES)}.")
        if self.direct_links not in DIRECT_LINKS:
            raise Problem(f"--direct-links {self.direct_links} is unknown.", f"There are {', '.join(DIRECT_LINKS)}.")
        return self

    def save(self, file: Path) -> None:
        """Write the state file, whole or not at all."""
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        fresh.replace(file)

    @staticmethod
    def load(file: Path) -> Options | None:
        """What the localnet here was last started with; None if it never was. Raises Problem for a broken file."""
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
            known = {field.name for field in fields(Options)}
            return Options(**{name: value for name, value in document.items() if name in known})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise Problem(f"{file} cannot be read: {error}.", "Start afresh: bin/localnet down --wipe") from None
