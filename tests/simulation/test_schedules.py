"""The rules hold in many hostile schedules; the simulation is repeatable, and reaches what it names.

That it can fail is shown by ``bin/breaks``, which runs it against broken rules (tests/breaks/mutants.py).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from cluster_sim import coverage
from cluster_sim.cli import main
from cluster_sim.faults import FAULTS, KUUTAMOD_FAULTS
from cluster_sim.harsh.faults import HARSH_FAULTS, HARSH_KINDS, LONG_KINDS
from cluster_sim.schedule import Profile, play

ALL = bool(os.environ.get("NEAR_TEST_ALL"))
# Of `bin/test --all`, and of `bin/test`. A harsh one costs as much as twenty, one of an hour as much as four hundred.
SCHEDULES = (
    {Profile.SAFETY: 20_000, Profile.LIVENESS: 5_000, Profile.HARSH: 2_000, Profile.LONG: 60}
    if ALL
    else {Profile.SAFETY: 3_000, Profile.LIVENESS: 1_000, Profile.LONG: 3}
)
HARSH_SCHEDULES = 60
# Seeds that failed once, and what they found. They go on being played, though a changed model tells another story.
REGRESSIONS = (
    pytest.param(15_804, Profile.SAFETY, id="a lagging signer with a wall clock that is behind, caught up at its end"),
    pytest.param(11_026_048, Profile.SAFETY, id="a signer that saw the tip once, late, and lagged from then on"),
    pytest.param(11_054_321, Profile.SAFETY, id="a start whose time was over while the other hosts were asked"),
    pytest.param(12_113, Profile.SAFETY, id="leases that differ, a key deleted out of reach, and a restart"),
    pytest.param(1_790_614, Profile.SAFETY, id="a late head, of a producer whose clock is ahead"),
    pytest.param(1_063_309, Profile.LIVENESS, id="a lease that a kuutamod takes when it is released"),
    pytest.param(1_409_814, Profile.SAFETY, id="a heartbeat that comes twice, and puts an older height back"),
    pytest.param(1_007_264, Profile.LIVENESS, id="terms that begin anew, because all keys were deleted"),
    pytest.param(1_006_038, Profile.LIVENESS, id="a fault that went on after the faults had stopped"),
    pytest.param(1_011_597, Profile.LIVENESS, id="a slow chain, and a crash that forgot how slow it was"),
    pytest.param(1_014_102, Profile.LIVENESS, id="the same, with a lag"),
    pytest.param(1_073_928, Profile.LIVENESS, id="the same, just above the bound"),
    pytest.param(1_006_543, Profile.LIVENESS, id="a switchover where terms began anew, because all keys were deleted"),
    pytest.param(1_010_729, Profile.LIVENESS, id="a switchover to a node from which a kuutamod takes the lease"),
    pytest.param(2_528, Profile.LIVENESS, id="a standby at the edge of being in sync"),
)


# Against a schedule that never ends, and not a measure of speed: on a busy machine they take a quarter of an hour.
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("profile", list(SCHEDULES))
def test_the_rules_hold(profile: Profile) -> None:
    assert main(["--profile", profile.value, "--seeds", str(SCHEDULES[profile])]) == 0


@pytest.mark.timeout(900)
def test_the_harsh_ones_hold_and_reach_what_they_are_for() -> None:
    reached: Counter[str] = Counter()
    for seed in range(HARSH_SCHEDULES):
        outcome = play(seed, Profile.HARSH)
        assert not outcome.failure, f"seed {seed}: {outcome.failure}"
        reached.update(outcome.reached)
    assert {f"fault: {kind}" for kind in HARSH_KINDS} <= set(reached)
    found = {"snapshot restored", "guard not found", "stuck guard killed", "start refused: settings have changed"}
    assert found <= set(reached)


@pytest.mark.parametrize(("seed", "profile"), REGRESSIONS)
def test_what_failed_once_holds(seed: int, profile: Profile) -> None:
    assert not play(seed, profile).failure


@pytest.mark.parametrize("profile", [profile for profile in Profile if ALL or profile is not Profile.LONG])
def test_one_seed_is_one_schedule_byte_for_byte(profile: Profile) -> None:
    first, second = (_trace_of_a_process(12, profile, hash_seed) for hash_seed in ("1", "2"))
    assert first == second
    assert len(first.splitlines()) > 20
    assert first != _trace_of_a_process(13, profile, "1")


def _trace_of_a_process(seed: int, profile: Profile, hash_seed: str) -> str:
    """The trace as another process prints it; the order of its sets and hashes is another one."""
    paths = [path for path in sys.path if Path(path).is_dir()]
    environ = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-m", "cluster_sim", "--profile", profile.value, "--seed", str(seed), "--trace"]
    return subprocess.run(command, env=environ, stdout=subprocess.PIPE, check=True, text=True).stdout


def test_the_schedules_reach_what_they_are_for() -> None:
    reached: Counter[str] = Counter()
    signed = 0
    for seed in range(400):
        outcome = play(seed, Profile.SAFETY)
        reached.update(outcome.reached)
        signed += outcome.signed
    assert signed > 350
    # A kuutamod is there in one of a hundred.
    assert set(coverage.missing(reached)["faults"]) <= {f"fault: {kind}" for kind in KUUTAMOD_FAULTS}
    assert {"Voting -> Validating", "Startup -> Validating", "Validating -> Startup"} <= set(reached)
    # More than one signer to a schedule, most of the time: a simulation in which nothing happens proves nothing.
    assert reached["Voting -> Validating"] > 1.5 * 400


def test_every_fault_has_a_name_that_coverage_knows() -> None:
    assert {name.removeprefix("fault: ") for name in coverage.possible()["faults"]} == set(FAULTS)
    for profile, more in ((Profile.HARSH, HARSH_KINDS), (Profile.LONG, LONG_KINDS)):
        named = {name.removeprefix("fault: ") for name in coverage.possible(profile)["faults"]}
        assert named == {*FAULTS, *more}
    assert set(LONG_KINDS) == set(HARSH_FAULTS)
