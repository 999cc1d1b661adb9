"""Playbooks on a live cluster: bad input stops before the first change, and so does a host that is down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster import Cluster
from observer import Scenario, docker
from plays import play

START_S = 60.0
RETURN_S = 90.0
BAD_INPUT: dict[str, tuple[dict[str, Any], str]] = {
    "a simulated neard on mainnet": (
        {"neard_chain_id": "mainnet"},
        "neard_simulated is true and neard_chain_id is mainnet",
    ),
    "two neards": (
        {"neard_binary_file": "/bin/true"},
        "Exactly one of neard_binary_file, neard_binary_url and neard_simulated",
    ),
    "the key of another account": (
        {"supervisor_account_id": "other.near"},
        "the key of supervisor_validator_key_file is that of",
    ),
    "a secret in plain text": (
        {"supervisor_validator_key": '{"secret_key": "ed25519:x"}', "supervisor_validator_key_file": ""},
        "supervisor_validator_key is a secret in plain text",
    ),
    "a token of a web address in plain text": (
        {"supervisor_notify_url": "https://192.0.2.1/", "supervisor_notify_token": "x"},
        "supervisor_notify_token is a secret in plain text",
    ),
    "a variable that there is not": ({"supervisor_leese": 4}, "supervisor_leese: role supervisor has no such variable"),
    "a lease that is too short": ({"supervisor_lease": 1}, "supervisor_lease 1"),
    "a checksum that is none": (
        {"neard_simulated": False, "neard_binary_url": "https://192.0.2.1/neard", "neard_binary_checksum": "x"},
        'neard_binary_checksum is "x"',
    ),
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    scenario = Scenario.load()
    (account,) = scenario.variables["molecule_accounts"]
    cluster = Cluster(scenario, account, {host.name: host for host in scenario.groups["validators"]})
    cluster.start_all()
    cluster.wait_whole(scenario.groups["validators"][0], RETURN_S)
    yield cluster
    cluster.start_all()


@pytest.mark.timeout(600)
def test_bad_input_stops_with_a_sentence_before_the_first_change(cluster: Cluster) -> None:
    for name, (variables, sentence) in BAD_INPUT.items():
        played = play("deploy", **variables)
        assert (played.status != 0, played.changed) == (True, 0), f"{name}:\n{played.output[-3000:]}"
        assert sentence in played.words, f"{name}:\n{played.output[-3000:]}"


@pytest.mark.timeout(300)
def test_an_even_number_of_consul_servers_stops_it(cluster: Cluster, tmp_path: Path) -> None:
    spare = tmp_path / "spare.ini"
    spare.write_text("[consul_servers]\nspare consul_bind_address=192.0.2.9\n")
    played = play("deploy", "--inventory", str(spare), "--limit", "all:!spare")
    assert (played.status != 0, played.changed) == (True, 0), played.output[-3000:]
    assert "consul_servers has 4 machines" in played.words, played.output[-3000:]


OLD_UNIT = (
    "[Service]\nExecStart=/usr/local/bin/neard --home /var/lib/near/neard run\n[Install]\nWantedBy=multi-user.target\n"
)


@pytest.mark.timeout(900)
def test_an_old_unit_that_would_start_neard_at_boot_is_refused_or_masked(cluster: Cluster) -> None:
    active = cluster.active(next(iter(cluster.nodes.values())))
    standby = next(host for node, host in cluster.nodes.items() if node != active)
    docker(
        "exec",
        standby.name,
        "sh",
        "-c",
        f"printf '{OLD_UNIT}' >/etc/systemd/system/neard.service; systemctl enable neard",
    )
    played = play("deploy")
    assert (played.status != 0, played.changed) == (True, 0), played.output[-3000:]
    assert "neard.service (/etc/systemd/system/neard.service, started by multi-user.target) would run" in played.words
    played = play("deploy", supervisor_mask_units=True)
    assert played.status == 0, played.output[-3000:]
    state = docker("exec", standby.name, "sh", "-c", "systemctl is-enabled neard || true")
    assert state.strip() == "masked", state
    docker("exec", standby.name, "test", "-f", "/etc/systemd/system/neard.service.before-near-supervisor")
    played = play("deploy")
    assert (played.status, played.changed) == (0, 0), played.output[-3000:]
    assert cluster.active(cluster.nodes[active]) == active


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("tag", ["consul_run", "neard_configure", "supervisor_configure", "supervisor_run", "install"])
def test_a_part_of_a_roll_out_changes_nothing_where_all_is_as_it_should_be(cluster: Cluster, tag: str) -> None:
    for words in ([], ["--check"]):
        played = play("deploy", "--tags", tag, *words)
        assert (played.status, played.changed) == (0, 0), played.output[-3000:]


@pytest.mark.timeout(900)
def test_a_host_that_is_down_stops_it_and_the_same_command_carries_on_later(cluster: Cluster) -> None:
    active = cluster.active(next(iter(cluster.nodes.values())))
    standby = next(host for node, host in cluster.nodes.items() if node != active)
    docker("kill", "--signal=KILL", standby.name)
    played = play("deploy")
    assert (played.status != 0, played.changed) == (True, 0), played.output[-3000:]
    assert cluster.signer() == active
    cluster.start_all()
    cluster.wait_whole(cluster.nodes[active], RETURN_S)
    played = play("deploy")
    assert played.status == 0, played.output[-3000:]
    assert cluster.active(cluster.nodes[active]) == active


@pytest.mark.timeout(600)
def test_a_switchover_moves_the_signer_and_brings_the_old_one_back(cluster: Cluster) -> None:
    before = cluster.active(next(iter(cluster.nodes.values())))
    played = play("switchover")
    assert played.status == 0, played.output[-3000:]
    after = cluster.active(cluster.nodes[before])
    assert after not in ("", before)
    assert cluster.states(cluster.nodes[before])[before] == ("Voting", True)
    assert cluster.signer() == after


def test_status_names_who_validates(cluster: Cluster) -> None:
    active = cluster.active(next(iter(cluster.nodes.values())))
    played = play("status")
    assert played.status == 0, played.output[-3000:]
    assert f"{active} Validating" in played.words


def test_nothing_was_signed_twice(cluster: Cluster) -> None:
    verdict = cluster.scenario.signatures().verdict(cluster.account)
    assert verdict.clean, verdict
