"""Knobs: where they come from, what is refused, and that the documentation lists exactly them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from neard_sim.live import LiveSettings
from neard_sim.settings import BadKnob, Settings, table

DOCS = Path(__file__).resolve().parents[3] / "docs" / "reference" / "neard-sim.md"


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("start_delay_ms", "250", 250),
        ("stop_rpc_gone", "false", False),
        ("ignore_sigterm", True, True),
        ("partition", "node0, node1", ("node0", "node1")),
        ("partition", "all", ("all",)),
        ("partition", ["a", "b"], ("a", "b")),
        ("partition", [], ()),
        ("rpc_fault", "slow:20", "slow:20"),
        ("version", "1.27", "1.27"),
    ],
)
def test_a_value_is_taken_from_both_places(name: str, value: object, wanted: object) -> None:
    assert getattr(Settings.load({}, json.dumps({name: value})), name) == wanted
    if isinstance(value, str):
        assert getattr(Settings.load({"NEARD_SIM_" + name.upper(): value}, None), name) == wanted


def test_the_file_is_stronger_than_the_environment() -> None:
    settings = Settings.load(
        {"NEARD_SIM_STOP_DELAY_MS": "1", "NEARD_SIM_VERSION": "1.34"}, '{"stop_delay_ms": 2} # yes'
    )
    assert (settings.stop_delay_ms, settings.version) == (2, "1.34")


@pytest.mark.parametrize(
    "text",
    [
        '{"no_such_knob": 1}',
        '{"start_delay_ms": "soon"}',
        '{"start_delay_ms": true}',
        '{"stop_rpc_gone": "perhaps"}',
        '{"version": "3.0"}',
        '{"rpc_fault": "slow"}',
        '{"rpc_fault": "slow:x"}',
        '{"partition": 5}',
        '{"partition_mode": "delay"}',
        "[]",
        "{",
    ],
)
def test_nonsense_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadKnob, match=r"knob|sim\.json"):
        Settings.load({}, text)


@pytest.mark.parametrize(("stop", "keeps", "wanted"), [(200, -1, 100), (200, 50, 50), (200, 500, 200), (0, -1, 0)])
def test_signing_during_a_stop_never_outlasts_it(stop: int, keeps: int, wanted: int) -> None:
    assert Settings(stop_delay_ms=stop, stop_keeps_signing_ms=keeps).signing_in_stop_ms == wanted


def test_only_live_knobs_change_while_the_node_runs(tmp_path: Path) -> None:
    live = LiveSettings(tmp_path, {})
    assert not live.poll()
    (tmp_path / "sim.json").write_text('{"rpc_fault": "503", "start_delay_ms": 5}')
    assert live.poll()
    assert (live.settings.rpc_fault, live.settings.start_delay_ms) == ("503", 1000)
    assert not live.poll()
    (tmp_path / "sim.json").write_text('{"rpc_fault": ')
    os.utime(tmp_path / "sim.json", ns=(1, 1))
    assert not live.poll()
    assert live.settings.rpc_fault == "503", "a broken file keeps what was"
    (tmp_path / "sim.json").unlink()
    assert live.poll()
    assert live.settings.rpc_fault == "none"


def test_the_documentation_holds_the_table_of_knobs() -> None:
    assert table() in DOCS.read_text(), f"paste the output of neard_sim.settings.table() into {DOCS}"
