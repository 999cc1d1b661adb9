"""A Debian host and one that is shaped like a NixOS are one cluster, and a new system never ends a neard that signs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import pytest
import yaml

from cluster import Cluster
from observer import Host, Scenario, docker, until
from plays import PLAYBOOKS, Played, play

START_S = 60.0
RETURN_S = 90.0
DEBIAN, NIXOS = "near-nixos-debian", "near-nixos-nixos"
MORE = "/etc/nixos/more.nix"
HAVE_PYTHON = PLAYBOOKS / "tasks" / "have_python.yml"
# A system with each of these is another one.
FAILS = """{ systemd.services.fails = {
  wantedBy = [ "multi-user.target" ];
  serviceConfig = { Type = "oneshot"; ExecStart = "/bin/sh -c 'exit 1'"; };
}; }"""
NETWORK = """{ pkgs, ... }: { systemd.services.network-addresses-test = {
  wantedBy = [ "multi-user.target" ];
  serviceConfig = { Type = "oneshot"; RemainAfterExit = true; ExecStart = "${pkgs.coreutils}/bin/true NUMBER"; };
}; }"""
ANOTHER_DAEMON = """{ config, lib, pkgs, ... }:
let
  own = config.services.near-validator;
  packages = import ./validator-ha/package.nix { inherit pkgs; };
  usual = packages.supervisor { file = own.supervisorFile; inherit (own) python; };
in {
  services.near-validator.supervisorPackage = pkgs.runCommand "near-supervisor" { } ''
    cp -r ${usual} $out
    chmod -R u+w $out
    echo another > $out/mark
  '';
}"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    scenario = Scenario.load()
    (account,) = scenario.variables["molecule_accounts"]
    nodes = {host.name: host for host in scenario.groups["validators"]}
    cluster = Cluster(scenario, account, nodes, lease_s=6.0)
    cluster.start_all()
    cluster.wait_whole(nodes[DEBIAN], RETURN_S)
    yield cluster
    cluster.start_all()
    cluster.nodes[NIXOS].run("rm", "-f", MORE)


@pytest.fixture
def nixos(cluster: Cluster) -> Host:
    return cluster.nodes[NIXOS]


def systems(host: Host) -> tuple[str, str]:
    """The system that runs, and the one that boots."""
    running, booted = host.run("readlink", "-f", "/run/current-system", "/nix/var/nix/profiles/system").split()
    return running, booted


def configuration(host: Host) -> str:
    """A digest of all that is in /etc/nixos: names, contents, times."""
    said = host.run(
        "sh", "-c", "cd /etc/nixos && find . -printf '%p %m %U %T@ ' && find . -type f | sort | xargs sha256sum"
    )
    return hashlib.sha256(said.encode()).hexdigest()


def pids(cluster: Cluster, node: str) -> tuple[str, list[int]]:
    """The guard, and the neard."""
    guard = cluster.nodes[node].run("systemctl", "show", "-P", "MainPID", f"near-guard@{cluster.account}.service")
    return guard.strip(), cluster.nodes[node].neards(cluster.home)


def supervisor(cluster: Cluster, node: str) -> str:
    shown = cluster.nodes[node].run("systemctl", "show", "-P", "MainPID", f"near-supervisor@{cluster.account}.service")
    return shown.strip()


def validates(cluster: Cluster, node: str) -> None:
    """Hands the role to a node, unless it has it; a host that is not ready yet is waited for."""
    cluster.wait_whole(cluster.nodes[node], RETURN_S)
    if cluster.active(cluster.nodes[node]) != node:
        played = play("switchover", switchover_to=node)
        assert played.status == 0, played.output[-3000:]
    until(f"{node} signs", START_S, lambda: cluster.signer() == node, lambda: cluster.states(cluster.nodes[node]))
    cluster.wait_whole(cluster.nodes[node], RETURN_S)


def configured(host: Host, text: str) -> None:
    """What the owner of the host has beside the collection's directory."""
    host.run("sh", "-c", f"cat > {MORE} <<'END'\n{text}\nEND")


def goes_on(cluster: Cluster, deed: Callable[[], Played]) -> Played:
    """The signer keeps its guard and its neard, whatever happens meanwhile."""
    node = cluster.signer()
    before = pids(cluster, node)
    played = deed()
    assert pids(cluster, node) == before, played.output[-3000:]
    assert cluster.signer() == node
    return played


def test_the_host_has_the_shape_of_a_nixos(nixos: Host) -> None:
    assert nixos.run("ls", "/usr/bin").split() == ["env", "sh"]
    assert nixos.run("sh", "-c", "ls /usr/sbin /usr/local/bin | grep -v :; true").split() == []
    for place in ("/etc/systemd/system", "/etc/near/bin/near-supervisor", "/run/current-system"):
        assert nixos.run("readlink", "-f", place).startswith("/nix/store/"), place
    unit = "/etc/systemd/system/near-guard@.service"
    assert nixos.run("stat", "-L", "-c", "%Y", unit).strip() == "1", "files of a store are as old as 1970"


def test_a_host_without_python_gets_one_for_the_modules(nixos: Host) -> None:
    """The command that a play begins with, with nothing but Nix to be found."""
    (task,) = (it for it in yaml.safe_load(HAVE_PYTHON.read_text()) if "ansible.builtin.raw" in it)
    nix = "mkdir -p /tmp/bare && ln -sf /run/current-system/sw/bin/nix-build /tmp/bare && PATH=/tmp/bare && "
    assert nixos.run("sh", "-c", nix + task["ansible.builtin.raw"]).split() == ["made"]
    assert nixos.run("sh", "-c", nix + task["ansible.builtin.raw"]).split() == ["kept"]
    assert nixos.run("/var/lib/near-python/bin/python3", "-c", "print(1)").split() == ["1"]
    assert nixos.run("sh", "-c", task["ansible.builtin.raw"]) == "", "a host that has one is asked only"
    nixos.run("rm", "/var/lib/near-python")


def test_no_secret_is_in_the_store_or_in_the_configuration(nixos: Host) -> None:
    key = nixos.run("cat", "/etc/near/supervisor/node3/validator_key.json")
    secret = (
        key.partition('"secret_key": "')[2].partition('"')[0] or key.partition('"secret_key":"')[2].partition('"')[0]
    )
    assert len(secret) > 40
    found = nixos.run("sh", "-c", f"grep -rlF '{secret}' /nix/store /etc/nixos; true")
    assert found == ""


@pytest.mark.timeout(600)
def test_check_mode_builds_and_asks_and_writes_nothing(cluster: Cluster, nixos: Host) -> None:
    before = configuration(nixos), systems(nixos)
    played = goes_on(cluster, lambda: play("deploy", "--check", supervisor_height_patience=61))
    assert played.status == 0, played.output[-3000:]
    assert '+ "heightPatience": 61.0' in played.words.replace("+  ", "+ "), played.output[-6000:]
    assert (configuration(nixos), systems(nixos)) == before


@pytest.mark.timeout(900)
def test_new_settings_reach_a_host_that_validates_and_its_neard_goes_on(cluster: Cluster, nixos: Host) -> None:
    validates(cluster, NIXOS)
    old, earlier = systems(nixos), supervisor(cluster, NIXOS)
    played = goes_on(cluster, lambda: play("deploy", supervisor_height_patience=61))
    assert played.status == 0, played.output[-3000:]
    assert 'HEIGHT_PATIENCE="61' in nixos.run("cat", f"/etc/near/supervisor/{cluster.account}.env")
    assert supervisor(cluster, NIXOS) != earlier, "the new settings were not taken"
    new = systems(nixos)
    assert new[0] == new[1] != old[0]
    again = goes_on(cluster, lambda: play("deploy", supervisor_height_patience=61))
    assert (again.status, again.changed) == (0, 0), again.output[-3000:]


@pytest.mark.timeout(900)
def test_a_system_that_does_not_come_up_is_taken_back(cluster: Cluster, nixos: Host) -> None:
    validates(cluster, NIXOS)
    before = systems(nixos)
    configured(nixos, FAILS)
    kept = configuration(nixos)
    played = goes_on(cluster, lambda: play("deploy", supervisor_height_patience=62))
    assert played.status != 0
    assert "fails.service" in played.words, played.output[-3000:]
    assert "The old system was activated again" in played.words, played.output[-3000:]
    assert (systems(nixos), configuration(nixos)) == (before, kept)
    timers = nixos.run("systemctl", "list-units", "--all", "--plain", "--no-legend", "near-nixos-*")
    assert timers.split() == [], "the way back stays promised"
    nixos.run("rm", MORE)


@pytest.mark.timeout(1200)
def test_what_would_end_the_signer_is_only_built_and_done_after_a_switchover(cluster: Cluster, nixos: Host) -> None:
    validates(cluster, DEBIAN)
    configured(nixos, NETWORK.replace("NUMBER", "1"))
    played = play("deploy")
    assert played.status == 0, played.output[-3000:]
    validates(cluster, NIXOS)
    before = systems(nixos)
    configured(nixos, NETWORK.replace("NUMBER", "2"))
    played = goes_on(cluster, lambda: play("deploy"))
    assert played.status == 0, played.output[-3000:]
    assert "network-addresses-test.service would be stopped" in played.words, played.output[-6000:]
    assert "Hand over to a standby first" in played.words
    assert systems(nixos) == before
    validates(cluster, DEBIAN)
    played = play("deploy")
    assert played.status == 0, played.output[-3000:]
    assert systems(nixos) != before
    # Without that unit, while this host is a standby: its end would wait for a switchover, too.
    nixos.run("rm", MORE)
    played = play("deploy")
    assert played.status == 0, played.output[-3000:]


@pytest.mark.timeout(900)
def test_garbage_is_collected_under_a_guard_that_runs_an_older_daemon(cluster: Cluster, nixos: Host) -> None:
    validates(cluster, NIXOS)
    words = nixos.run("sh", "-c", f"tr '\\0' '\\n' < /proc/{pids(cluster, NIXOS)[0]}/cmdline").split()
    (older,) = (word for word in words if word.endswith("/near-supervisor"))
    configured(nixos, ANOTHER_DAEMON)
    played = goes_on(cluster, lambda: play("deploy"))
    assert played.status == 0, played.output[-3000:]
    assert nixos.run("readlink", "-f", "/etc/near/bin/near-supervisor").strip() != older
    nixos.run("nix-env", "--profile", "/nix/var/nix/profiles/system", "--delete-generations", "old")
    nixos.run("nix-store", "--gc")
    assert nixos.has(older), "the collector took the file from under the guard that runs it"
    guard = pids(cluster, NIXOS)[0]
    validates(cluster, DEBIAN)
    assert pids(cluster, NIXOS)[0] == guard, "the guard ended when it had to do something new"
    nixos.run("rm", MORE)
    played = play("deploy")
    assert played.status == 0, played.output[-3000:]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("killed", [DEBIAN, NIXOS])
def test_the_other_host_validates_when_one_loses_its_power(cluster: Cluster, killed: str) -> None:
    validates(cluster, killed)
    other = NIXOS if killed == DEBIAN else DEBIAN
    docker("kill", "--signal=KILL", killed)
    took = until(
        f"{other} signs",
        3 * cluster.lease_s + 10,
        lambda: cluster.signer() == other,
        lambda: cluster.states(cluster.nodes[other]),
    )
    print(f"{other} signed {took:.1f} s after {killed} was killed")
    cluster.start_all()
    cluster.wait_whole(cluster.nodes[other], RETURN_S)
    assert cluster.active(cluster.nodes[other]) == other


@pytest.mark.timeout(600)
def test_an_account_that_is_taken_off_does_not_come_back_with_an_activation(cluster: Cluster, nixos: Host) -> None:
    played = play("teardown", teardown_account=cluster.account)
    assert played.status == 0, played.output[-3000:]
    assert not any(host.neards(cluster.home) for host in cluster.nodes.values())
    assert "node3" not in nixos.run("cat", "/etc/nixos/validator-ha/settings.json")
    nixos.run("/run/current-system/bin/switch-to-configuration", "test")
    shown = nixos.run("systemctl", "show", "-P", "ActiveState", f"near-supervisor@{cluster.account}.service")
    assert shown.strip() == "inactive"
    # For a second `molecule verify`.
    played = play("deploy")
    assert played.status == 0, played.output[-3000:]


def test_nothing_was_signed_twice(cluster: Cluster) -> None:
    verdict = cluster.scenario.signatures().verdict(cluster.account)
    assert verdict.clean, verdict
