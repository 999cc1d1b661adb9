"""Two supervisors with one neard home: the second one says whose it is."""

from __future__ import annotations

import json
from pathlib import Path

from near_supervisor.core import events as ev
from near_supervisor.core.conditions import readiness
from near_supervisor.io import home_holder
from support.control_answers import behind, http
from support.core_play import Play
from support.guard_rig import GuardRig


def test_a_guard_of_another_run_directory_is_named_with_its_node(tmp_path: Path) -> None:
    with GuardRig(tmp_path) as rig:
        said = http(json.dumps({"node_id": "validator-1", "hostname": "host-1"}).encode())
        with behind(rig.run_dir / "control.sock", said):
            found = home_holder.other(rig.home, tmp_path / "another")
        pid = rig.ask("hello")["pid"]
        where = f"run directory {rig.run_dir}"
        assert found == f"the guard {pid} of node 'validator-1' on host 'host-1', {where}"
        (rig.run_dir / "control.sock").unlink()
        assert home_holder.other(rig.home, tmp_path / "another") == f"the guard {pid} of {where}"
        assert home_holder.other(rig.home, rig.run_dir) == "", "it is ours"
        rig.ask("quit")
        assert rig.process.wait(30) == 0
    assert home_holder.other(rig.home, tmp_path / "another") == "", "nobody holds it"


def test_what_nobody_has_or_an_older_guard_has_is_nobodys(tmp_path: Path) -> None:
    assert home_holder.other(tmp_path, tmp_path) == ""
    (tmp_path / "near-guard.lock").touch()
    assert home_holder.other(tmp_path, tmp_path) == ""


def test_it_is_said_once_and_stays_in_the_status() -> None:
    play = Play()
    play.do(ev.Tick())
    for _ in range(5):
        play.do(ev.GuardFailed("one neard home for two nodes: x"), after=1_000)
        play.do(ev.Tick(), after=1_000)
    assert play.said().count("one neard home for two nodes: x") == 1
    assert readiness.unready(play.node) == "is Startup, waits for its guard: one neard home for two nodes: x"
    play.do(ev.GuardReady())
    assert "two nodes" not in readiness.unready(play.node)
