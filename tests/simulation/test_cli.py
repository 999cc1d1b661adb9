"""What ``bin/simulate`` prints: the verdict, a failure with a trace made short, and what was wrong with the call."""

from __future__ import annotations

import json

import pytest

from cluster_sim import faults
from cluster_sim.cli import main
from cluster_sim.cluster import Cluster
from cluster_sim.host import Host
from cluster_sim.schedule import Profile, play
from cluster_sim.world import Violation


def test_a_verdict_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--profile", "liveness", "--seeds", "10", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["profile"], document["schedules"], document["failures"]) == ("liveness", 10, [])
    assert "Voting -> Validating" in document["reached"]
    assert set(document["times_ms"]) >= {"recovery", "handover"}
    assert document["steps"] > 0
    assert document["steps_per_cpu_second"] == pytest.approx(document["steps"] / document["cpu_s"], rel=0.05)


def test_help_names_every_profile(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    assert all(f"{profile.value}:" in out for profile in Profile)
    assert "steps of the core" in " ".join(out.split())


def test_one_schedule_with_its_trace(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--profile", "safety", "--seed", "3", "--trace"]) == 0
    out = capsys.readouterr().out
    assert "ARMED" in out
    assert out.endswith("safety 3: every rule held\n")


def test_a_failure_is_told_with_the_faults_that_it_takes_and_no_more(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_a_rule(_cluster: Cluster, _host: Host) -> None:
        raise Violation("a rule was broken")

    monkeypatch.setitem(faults.FAULTS, "neard crash", break_a_rule)
    seed = next(seed for seed in range(1_000) if play(seed, Profile.SAFETY).failure)
    assert main(["--profile", "safety", "--seeds", "1", "--from", str(seed)]) == 1
    out = capsys.readouterr().out
    assert "with 1 of its" in out
    assert "FAULT: neard crash" in out
    assert f"replay: bin/simulate --profile safety --seed {seed} --trace" in out


def test_a_core_that_breaks_off_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("x")

    monkeypatch.setitem(faults.FAULTS, "stop", broken)
    failures = {play(seed, Profile.SAFETY).failure.partition(": ")[2] for seed in range(60)}
    assert failures == {"", "BUG: KeyError('x')"}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [(["--trace"], "name it with --seed"), (["--seeds", "0"], "at least one schedule"), (["--profile", "x"], "choose")],
)
def test_a_call_that_makes_no_sense_is_told_so(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(words)
    assert complaint in capsys.readouterr().err
