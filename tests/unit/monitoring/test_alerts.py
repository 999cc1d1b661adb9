"""The alert rules, tried by promtool on what supervisors of a localnet exported while something failed."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from near_supervisor.core.conditions.readiness import NAMES
from near_supervisor.io.exporter import exposition
from near_supervisor.snapshot import Snapshot
from support.core_play import Play
from support.promtool import promtool

ROOT = Path(__file__).resolve().parents[3]
RULES = ROOT / "roles" / "monitoring" / "files" / "near-validator.rules.yml"
DASHBOARD = ROOT / "roles" / "monitoring" / "files" / "near-validator.json"
PAGE = ROOT / "docs" / "operate" / "alerts.md"
RECORDED = Path(__file__).with_name("recorded")
# tools/record_series.py
STEP_S, STEPS = 5, 12
# Of Consul's agents and of the node exporter, which are not ours.
OTHERS = re.compile(r"(consul|node)_\w+|up$")
LATER_S = 2 * 3600


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def recording(name: str) -> list[dict[str, str]]:
    """The recorded series; what was last goes on for two hours more."""
    series: list[dict[str, str]] = yaml.safe_load((RECORDED / f"{name}.yml").read_text())["input_series"]
    return [{**one, "values": lasting(one["values"])} for one in series]


def lasting(values: str) -> str:
    last = values.rsplit(maxsplit=1)[-1].partition("x")[0]
    return values if last == "stale" else f"{values} {last}x{LATER_S // STEP_S}"


def everybody(series: list[dict[str, str]]) -> list[dict[str, str]]:
    """As if what happened to a had happened to b, too."""
    of_a = [one for one in series if 'instance="a"' in one["series"]]
    return of_a + [{**one, "series": one["series"].replace('instance="a"', 'instance="b"')} for one in of_a]


def fired(series: list[dict[str, str]], at_s: int, tmp_path: Path) -> set[tuple[str, str]]:
    """Alerts that fire then, each with its instance or account."""
    if (program := promtool()) is None:
        pytest.skip("promtool is not here, and its package cannot be fetched")
    names = [rule["alert"] for rule in rules() if "alert" in rule]
    asked = [
        {"eval_time": f"{at_s}s", "alertname": name, "exp_alerts": [{"exp_labels": {"no": "such"}}]} for name in names
    ]
    test = {
        "rule_files": [str(RULES)],
        "evaluation_interval": f"{STEP_S}s",
        "tests": [{"interval": f"{STEP_S}s", "input_series": series, "alert_rule_test": asked}],
    }
    file = tmp_path / "test.yml"
    file.write_text(yaml.safe_dump(test))
    said = subprocess.run([program, "test", "rules", file], capture_output=True, text=True, check=False, timeout=60)
    found: set[tuple[str, str]] = set()
    # Each expectation is wrong, so that what was got is printed for each alert.
    for block in (said.stdout + said.stderr).split("alertname: ")[1:]:
        name, got = block.partition(",")[0], block.partition("got:")[2]
        for labels in re.findall(r"Labels:(\{[^}]*\})", got):
            who = re.search(r'(?:instance|account_id)="([^"]*)"', labels)
            found.add((name, who[1] if who else ""))
    return found


def test_a_host_that_dies_is_replaced_before_anybody_is_woken_up_and_then_there_is_no_standby(tmp_path: Path) -> None:
    series = recording("host_dies")
    assert fired(series, 40, tmp_path) == set()
    assert fired(series, 150, tmp_path) == {("NearSupervisorDown", "a")}
    assert fired(series, 600, tmp_path) == {("NearSupervisorDown", "a"), ("NearNoReadyStandby", "default")}


def test_when_nobody_is_left_that_is_said_after_half_a_minute(tmp_path: Path) -> None:
    series = everybody(recording("host_dies"))
    assert ("NearNoSigner", "") in fired(series, 90, tmp_path)


def test_a_switchover_alarms_nobody(tmp_path: Path) -> None:
    for at_s in (20, 40, 600):
        assert fired(recording("switchover"), at_s, tmp_path) == set()


def test_a_pause_that_is_forgotten_is_said_after_an_hour(tmp_path: Path) -> None:
    series = recording("paused")
    assert fired(series, 1_800, tmp_path) == set()
    assert fired(series, 3_900, tmp_path) == {("NearPaused", "a"), ("NearPaused", "b")}


@pytest.mark.parametrize(
    ("metric", "labels", "value", "alert"),
    [
        ("near_supervisor_signing", 'answer="no",', "1", "NearSigningNothing"),
        ("near_supervisor_signing_missing", 'duty="blocks",', "1", "NearDutyMissed"),
        ("near_supervisor_signing_missing", 'duty="chunks",', "1", "NearDutyMissed"),
        ("near_supervisor_signing_missing", 'duty="endorsements",', "1", "NearDutyMissed"),
        ("near_supervisor_foreign_signatures", "", "1", "NearDoubleSigner"),
        ("near_supervisor_chunks_left", "", "49", "NearEarlyKickout"),
        ("near_supervisor_unready", 'reason="version",', "1", "NearStandbyDiffers"),
        ("near_supervisor_unready", 'reason="disk",', "1", "NearDisk"),
        ("near_supervisor_consul_silent_seconds", "", "6", "NearConsulSilent"),
        ("near_supervisor_guard_attached", "", "0", "NearSupervisorDown"),
        ("consul_autopilot_failure_tolerance", "", "0", "NearConsulNoMargin"),
        ("node_timex_offset_seconds", "", "-0.6", "NearClockSkew"),
        ("node_timex_sync_status", "", "0", "NearClockSkew"),
    ],
)
def test_what_is_wrong_for_twenty_minutes_is_said(
    metric: str, labels: str, value: str, alert: str, tmp_path: Path
) -> None:
    name = f'{metric}{{{labels}instance="c",job="near-supervisor"}}'
    series = [*recording("switchover"), {"series": name, "values": f"{value}x240"}]
    assert {found for found, _who in fired(series, 1_200, tmp_path)} == {alert}


@pytest.mark.parametrize(
    ("series", "alert"),
    [
        ({"near_supervisor_lease_left_seconds": "3.9", "near_supervisor_lease_seconds": "10"}, "NearLeaseMargin"),
        ({"near_supervisor_heartbeat_seconds": "2.6", "near_supervisor_lease_seconds": "10"}, "NearHeartbeatSlow"),
        ({"node_memory_MemAvailable_bytes": "9", "node_memory_MemTotal_bytes": "100"}, "NearMemory"),
    ],
)
def test_what_is_a_part_of_something_is_compared_with_that(series: dict[str, str], alert: str, tmp_path: Path) -> None:
    more = [
        {"series": f'{metric}{{instance="c",job="near-supervisor"}}', "values": f"{value}x240"}
        for metric, value in series.items()
    ]
    assert {found for found, _who in fired([*recording("switchover"), *more], 1_200, tmp_path)} == {alert}


def test_a_neard_that_ends_again_and_again_is_said(tmp_path: Path) -> None:
    series = {
        "series": 'near_supervisor_neard_stops_total{instance="c",job="near-supervisor"}',
        "values": "0x10 0+0.1x100",
    }
    found = fired([*recording("switchover"), series], 540, tmp_path)
    assert ("NearRestarts", "c") in found


def test_each_alert_has_its_place_on_the_page_and_the_page_no_other() -> None:
    names = [rule["alert"] for rule in rules() if "alert" in rule]
    headings = re.findall(r"^### (\w+)$", PAGE.read_text(), re.MULTILINE)
    assert headings == names
    for rule in rules():
        if "alert" in rule:
            assert rule["annotations"]["runbook"] == f"docs/operate/alerts.md#{rule['alert'].lower()}"


def exported() -> set[str]:
    play = Play().to_validating()
    text = exposition(lambda: Snapshot(play.node, play.now, 0))
    # These are there once there is something to say.
    return set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE)) | {
        "near_supervisor_chunks_left", "near_supervisor_heartbeat_seconds", "near_supervisor_signing_missing",
        "near_supervisor_foreign_signatures", "near_supervisor_neard_stops_total",
    }  # fmt: skip


def test_rules_and_dashboard_ask_for_what_is_exported() -> None:
    records = {rule["record"] for rule in rules() if "record" in rule}
    panels = json.loads(DASHBOARD.read_text())["panels"]
    texts = [rule["expr"] for rule in rules()] + [one["expr"] for panel in panels for one in panel.get("targets", ())]
    for text in texts:
        for name in re.findall(r"\b(?:near_\w+(?::\w+)*|consul_\w+|node_\w+)", re.sub(r'"[^"]*"', '""', text)):
            assert name in exported() | records or OTHERS.match(name), f"{name} in {text}"
    reasons = {word for text in texts for found in re.findall(r'reason=~"([^"]*)"', text) for word in found.split("|")}
    assert reasons <= set(NAMES)
