"""``bin/simulate``: many schedules over all cores, or one of them with its trace."""

from __future__ import annotations

import argparse
import json
import sys
import time

from . import coverage
from .batch import Tally, play_many
from .minimise import minimise
from .schedule import Outcome, Profile, play

# So many failures are told in full, so many more only named.
SHOWN = 3
NAMED = 20
PROGRESS_S = 2.0


def main(argv: list[str] | None = None) -> int:
    """Exit status 0 when every rule held in every schedule, 1 when one was broken."""
    given = _arguments(argv)
    profiles = list(Profile) if given.profile == "all" else [Profile(given.profile)]
    if given.seed is not None:
        return max([_one(given.seed, profile, given.trace) for profile in profiles])
    return max([_many(given, profile) for profile in profiles])


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bin/simulate",
        description="Play hostile schedules against the real cores: crashes, pauses, partitions, lost and late"
        " requests, drifting clocks, operators. The same seed is always the same schedule. Beside how many of them a"
        " second were played it says how many steps of the core a second of processor time took, which a busy machine"
        " changes little.",
        epilog="Examples: bin/simulate --profile harsh --seeds 300; bin/simulate --profile long --seed 4 --trace."
        " What is simulated, what is checked, and what is not: docs/explanation/testing.md.",
    )
    add = parser.add_argument
    add("--seeds", type=int, metavar="N", help="how many schedules (default 1000; of the profile long 20)")
    add("--from", dest="first", type=int, default=0, metavar="S", help="the first seed (default %(default)s)")
    add("--profile", choices=(*(profile.value for profile in Profile), "all"), default="all",
        help="safety: faults to the end; liveness: faults that stop, after which it has to work; harsh: either, with"
        " more kinds of faults and models that are less kind; long: an hour of these, with few faults, which takes"
        " seconds to play (default: each of them)")  # fmt: skip
    add("--seed", type=int, metavar="S", help="play only this schedule")
    add("--trace", action="store_true", help="with --seed: print everything that happened")
    add("--coverage", action="store_true", help="print in how many schedules each transition and fault was reached")
    add("--until-failure", action="store_true", help="stop at the first schedule that breaks a rule")
    add("--json", action="store_true", help="print one JSON object per profile instead of text")
    given = parser.parse_args(argv)
    if given.trace and given.seed is None:
        parser.error("--trace prints one schedule: name it with --seed")
    if given.seeds is not None and given.seeds < 1:
        parser.error(f"--seeds {given.seeds}: at least one schedule has to be played")
    return given


def _one(seed: int, profile: Profile, trace: bool) -> int:
    outcome = play(seed, profile, keep_trace=trace)
    for line in outcome.trace or ():
        sys.stdout.write(line + "\n")
    sys.stdout.write(f"{profile.value} {seed}: {outcome.failure or 'every rule held'}\n")
    return 1 if outcome.failure else 0


def _many(given: argparse.Namespace, profile: Profile) -> int:
    began = said = time.monotonic()
    tally, seeds = Tally(), profile.schedules if given.seeds is None else given.seeds
    for tally in play_many(profile, given.first, seeds):
        now = time.monotonic()
        if sys.stderr.isatty() and now - said >= PROGRESS_S:
            said = now
            rate = tally.schedules / (now - began)
            sys.stderr.write(f"\r{profile.value}: {tally.schedules} of {seeds}, {rate:.0f} a second \r")
        if given.until_failure and tally.failures:
            break
    rate = tally.schedules / (time.monotonic() - began)
    (_print_json if given.json else _print)(given, profile, tally, rate)
    return 1 if tally.failures else 0


def _print(given: argparse.Namespace, profile: Profile, tally: Tally, rate: float) -> None:
    out = sys.stdout.write
    out(
        f"{profile.value}: {tally.schedules} schedules from seed {given.first}, {len(tally.failures)} failed,"
        f" {tally.signed} with a signer, {rate:.3g} a second, {tally.steps_per_cpu_s:.0f} steps of the core a second of"
        f" processor time\n  {coverage.summary(tally.reached, profile)}\n"
    )
    for name, counted in sorted(tally.times.items()):
        out(f"  {name}: {coverage.percentiles(counted)} (n={counted.total()})\n")
    if given.coverage:
        out("".join(f"{line}\n" for line in coverage.table(tally, profile)))
    for outcome in tally.failures[:SHOWN]:
        _report(outcome)
    if len(tally.failures) > SHOWN:
        more = ", ".join(str(one.seed) for one in tally.failures[SHOWN : SHOWN + NAMED])
        out(f"\n{len(tally.failures) - SHOWN} more failed, the first of them: {more}\n")


def _report(outcome: Outcome) -> None:
    shortest = minimise(outcome)
    sys.stdout.write(
        f"\nseed {outcome.seed}: {outcome.failure}\nwith {shortest.faults} of its {outcome.faults} faults:\n"
    )
    for line in shortest.trace or ():
        sys.stdout.write(f"  {line}\n")
    sys.stdout.write(f"replay: bin/simulate --profile {outcome.profile.value} --seed {outcome.seed} --trace\n")


def _print_json(given: argparse.Namespace, profile: Profile, tally: Tally, rate: float) -> None:
    document = {
        "profile": profile.value,
        "first_seed": given.first,
        "schedules": tally.schedules,
        "with_signer": tally.signed,
        "per_second": round(rate, 2),
        "steps": tally.steps,
        "cpu_s": round(tally.cpu_s, 2),
        "steps_per_cpu_second": round(tally.steps_per_cpu_s),
        "failures": [{"seed": one.seed, "failure": one.failure} for one in tally.failures],
        "never_reached": coverage.missing(tally.reached, profile),
        "reached": dict(sorted(tally.reached.items())),
        "times_ms": {name: dict(sorted(counted.items())) for name, counted in sorted(tally.times.items())},
    }
    sys.stdout.write(json.dumps(document) + "\n")
