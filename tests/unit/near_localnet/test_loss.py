"""Who does not hear whom: what is written for the simulated nodes when a host is lost, and taken back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from near_localnet import cli, loss
from near_localnet.layout import CHAIN_NODES, VALIDATORS, Layout
from near_localnet.localnet import Localnet
from near_localnet.options import Options
from near_localnet.problem import Problem

LOST, OTHER = VALIDATORS


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path)
    for node in loss.ALL:
        layout.home(node).mkdir(parents=True)
    return layout


def test_everybody_else_is_told_and_told_otherwise_afterwards(layout: Layout) -> None:
    loss.cut(layout, LOST, running=dict)
    assert all(loss.cut_off_at(layout, node) == [LOST.home_name] for node in loss.ALL if node != LOST)
    assert loss.cut_off_at(layout, LOST) == []
    loss.mend(layout, LOST)
    assert all(loss.cut_off_at(layout, node) == [] for node in loss.ALL)


@pytest.mark.parametrize("named", ["node2,kuutamod1", ["node2", "kuutamod1"]])
def test_what_else_is_in_the_file_stays(layout: Layout, named: object) -> None:
    file = layout.home(CHAIN_NODES[0]) / "sim.json"
    file.write_text(json.dumps({"lag_heights": 3, "partition": named}))
    loss.mend(layout, OTHER)
    assert json.loads(file.read_text()) == {"lag_heights": 3, "partition": ["node2"], "partition_mode": "drop"}


def test_nothing_is_written_where_nothing_was_cut(layout: Layout) -> None:
    loss.mend(layout, LOST)
    assert not any((layout.home(node) / "sim.json").exists() for node in loss.ALL)


def test_a_node_that_does_not_take_the_cut_is_named(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss, "TAKEN_TIMEOUT_S", 0.05)
    with pytest.raises(Problem, match="node1 did not take the cut to validator-a"):
        loss.cut(layout, LOST, running=lambda: {"node1": 1})


def test_a_node_that_is_started_anew_meanwhile_is_not_waited_for(layout: Layout) -> None:
    pids = iter([1, 1, 2])
    loss.cut(layout, LOST, running=lambda: {"node1": next(pids)})
    assert loss.cut_off_at(layout, CHAIN_NODES[1]) == [LOST.home_name]


def test_a_file_that_is_no_json_is_named(layout: Layout) -> None:
    (layout.home(OTHER) / "sim.json").write_text("{")
    with pytest.raises(Problem, match=r"kuutamod1/sim.json is not JSON"):
        loss.mend(layout, LOST)


@pytest.mark.parametrize(("command", "instead"), [("lose", "kill"), ("return", "start")])
def test_a_real_neard_is_not_lost_by_half(
    layout: Layout, command: str, instead: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Options(neard="/usr/bin/neard").save(layout.state_file)
    assert cli.main(["--data", str(layout.data), "--instance", "3", command, LOST.name]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert f"{command} {LOST.name} is refused with a real neard: only the kernel could drop the packets" in said
    assert f"Use bin/localnet --data {layout.data} --instance 3 {instead} {LOST.name}" in said
    assert "unset NEARD" in said
    assert not any((layout.home(node) / "sim.json").exists() for node in loss.ALL), "nothing is done by half"


@pytest.mark.parametrize("command", [Localnet.lose, Localnet.come_back])
def test_only_a_host_of_the_pair_is_lost(layout: Layout, command: Callable[[Localnet, str], object]) -> None:
    Options().save(layout.state_file)
    with pytest.raises(Problem, match="node0 is no host of the pair"):
        command(Localnet(layout, layout.data), "node0")
