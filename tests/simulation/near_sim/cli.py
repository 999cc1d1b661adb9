"""``bin/simulate``: many schedules over all cores, or one of them with its trace."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable
from multiprocessing import Pool

from .faults import FAULTS
from .minimise import minimise
from .schedule import Outcome, Profile, play

CHUNK = 25
SHOWN = 5


def main(argv: list[str] | None = None) -> int:
    """Exit status 0 when every rule held in every schedule, 1 when one was broken."""
    parser = argparse.ArgumentParser(
        prog="bin/simulate",
        description="Play hostile schedules against the real cores: crashes, pauses, partitions, lost and late"
        " requests, drifting clocks, operators. The same seed is always the same schedule.",
    )
    parser.add_argument(
        "--seeds", type=int, default=1_000, metavar="N", help="how many schedules (default %(default)s)"
    )
    parser.add_argument("--from", dest="first", type=int, default=0, metavar="S", help="the first seed (default 0)")
    parser.add_argument("--profile", choices=("safety", "liveness", "all"), default="all", help="default: %(default)s")
    parser.add_argument("--seed", type=int, metavar="S", help="play only this schedule")
    parser.add_argument("--trace", action="store_true", help="with --seed: print everything that happened")
    parser.add_argument("--coverage", action="store_true", help="print how often each transition and fault was reached")
    given = parser.parse_args(argv)
    profiles = list(Profile) if given.profile == "all" else [Profile(given.profile)]
    if given.seed is not None:
        return max([_one(given.seed, profile, given.trace) for profile in profiles])
    return max([_many(given, profile) for profile in profiles])


def _one(seed: int, profile: Profile, trace: bool) -> int:
    outcome = play(seed, profile, keep_trace=trace)
    for line in outcome.trace or ():
        sys.stdout.write(line + "\n")
    sys.stdout.write(f"{profile.value} {seed}: {outcome.failure or 'every rule held'}\n")
    return 1 if outcome.failure else 0


def _many(given: argparse.Namespace, profile: Profile) -> int:
    began = time.monotonic()
    jobs = ((seed, profile) for seed in range(given.first, given.first + given.seeds))
    with Pool(os.cpu_count()) as pool:
        failures, reached, signed = _collect(pool.imap_unordered(_play, jobs, chunksize=CHUNK))
    took = time.monotonic() - began
    sys.stdout.write(
        f"{profile.value}: {given.seeds} schedules from seed {given.first}, {len(failures)} failed,"
        f" {signed} with a signer, {given.seeds / took:.0f} a second\n"
    )
    _report_coverage(reached, given.coverage)
    for outcome in failures[:SHOWN]:
        _report(outcome)
    return 1 if failures else 0


def _play(job: tuple[int, Profile]) -> Outcome:
    return play(*job)


def _collect(outcomes: Iterable[Outcome]) -> tuple[list[Outcome], Counter[str], int]:
    failures: list[Outcome] = []
    reached: Counter[str] = Counter()
    signed = 0
    for outcome in outcomes:
        reached.update(outcome.reached)
        signed += outcome.signed
        if outcome.failure:
            failures.append(outcome)
    return sorted(failures, key=lambda outcome: outcome.seed), reached, signed


def _report_coverage(reached: Counter[str], whole: bool) -> None:
    transitions = [name for name in reached if " -> " in name]
    faults = [name for name in FAULTS if reached[f"fault: {name}"]]
    pairs = [name for name in reached if name.startswith("pair: ")]
    possible = len(FAULTS) * (len(FAULTS) - 1) // 2
    sys.stdout.write(
        f"  reached {len(transitions)} transitions, {len(faults)} of {len(FAULTS)} faults,"
        f" {len(pairs)} of {possible} pairs of them\n"
    )
    if whole:
        for name in sorted([*transitions, *(f"fault: {fault}" for fault in FAULTS)]):
            sys.stdout.write(f"  {reached[name]:>9}  {name}\n")


def _report(outcome: Outcome) -> None:
    faults, shortest = minimise(outcome.seed, outcome.profile)
    sys.stdout.write(f"\nseed {outcome.seed}: {outcome.failure}\n")
    sys.stdout.write(f"with its first {faults} faults only:\n")
    for line in shortest.trace or ():
        sys.stdout.write(f"  {line}\n")
    sys.stdout.write(f"replay: bin/simulate --profile {outcome.profile.value} --seed {outcome.seed} --trace\n")


if __name__ == "__main__":
    sys.exit(main())
