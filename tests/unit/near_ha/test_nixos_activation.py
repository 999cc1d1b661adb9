"""What an activation of another system would do, by what switch-to-configuration prints in a dry run."""

from __future__ import annotations

import pytest

from near_ha.errors import BadConfig
from near_ha.host.nixos_activation import Systems, parse, step, touched

# As switch-to-configuration prints them: nixpkgs 24.05 (Perl) and 25.05 (Rust), with the words of both.
PERL = """\
would stop the following units: accounts-daemon.service
would NOT stop the following changed units: near-guard@my.pool.near.service, near-supervisor@my.pool.near.service
would activate the configuration...
would remove group \u2018docker\u2019
warning: not applying UID change of user \u2018near\u2019 (998 -> 400) in /etc/passwd
would restart systemd
would reload the following units: dbus.service, firewall.service
would restart the following units: polkit.service
would start the following units: accounts-daemon.service
"""
RUST = """\
would NOT stop the following changed units: consul.service
would activate the configuration...
would revive user 'near' with UID 998
would add secret: token
would reload the following units: dbus-broker.service
would restart the following units: nscd.service, sshd.service
"""
OLDEST = """\
would stop the following units: a.service, b.service
would restart systemd
would start the following units: a.service
"""


def test_each_line_is_read() -> None:
    found = parse(PERL)
    assert found.stopped == found.started == ("accounts-daemon.service",)
    assert found.left == ("near-guard@my.pool.near.service", "near-supervisor@my.pool.near.service")
    assert found.restarted == ("polkit.service",)
    assert found.reloaded == ("dbus.service", "firewall.service")
    assert found.restarts_systemd


def test_the_one_in_rust_and_the_oldest_say_the_same_words() -> None:
    assert parse(RUST).restarted == ("nscd.service", "sshd.service")
    assert parse(RUST).left == ("consul.service",)
    assert parse(OLDEST).stopped == ("a.service", "b.service")


def test_what_changed_and_is_left_alone_touches_nothing() -> None:
    assert touched(parse(PERL)) == touched(parse(RUST)) == touched(parse(OLDEST)) == []


@pytest.mark.parametrize(
    "line",
    [
        "would stop the following user units: a.service",
        "would stop near-guard@my.pool.near.service",
        "Would restart the following units: consul.service",
        "Pre-switch checks failed",
        "setting up /srv/data",
    ],
)
def test_a_line_that_is_not_known_stops_it_by_that_line(line: str) -> None:
    with pytest.raises(BadConfig) as refused:
        parse(f"{RUST}{line}\n")
    assert repr(line) in str(refused.value)
    assert "nixos_known_lines" in str(refused.value)


def test_a_line_of_the_hosts_own_scripts_can_be_made_known() -> None:
    assert parse(f"{RUST}setting up /srv/data\n", [r"setting up /srv/"]) == parse(RUST)
    with pytest.raises(BadConfig):
        parse(f"{RUST}not setting up /srv/data\n", [r"setting up /srv/"])


@pytest.mark.parametrize("done", ["stop", "restart", "reload"])
@pytest.mark.parametrize(
    "unit",
    [
        "near-guard@my.pool.near.service",
        "near-supervisor@my.pool.near.service",
        "consul.service",
        "systemd-networkd.service",
        "network-addresses-eth0.service",
        "NetworkManager.service",
        "dhcpcd.service",
        "wireguard-wg0.service",
    ],
)
def test_what_a_validator_lives_by_is_named(unit: str, done: str) -> None:
    found = touched(parse(f"would {done} the following units: a.service, {unit}\n"))
    assert len(found) == 1
    assert found[0].startswith(f"{unit} would be {done}")


def test_file_systems_and_swap_count_and_a_firewall_that_reads_its_rules_does_not() -> None:
    assert touched(parse("would stop the following units: var-lib-near.mount\n"))
    assert not touched(parse("would reload the following units: var-lib-near.mount\n"))
    assert touched(parse("would restart the following units: firewall.service\n"))
    assert touched(parse("would stop swap device: /dev/sda2\n"))
    # What some releases print, and do, in a dry run.
    assert touched(parse("stopping swap device: /dev/sda2\n"))
    assert not touched(parse("would start the following units: near-supervisor@my.pool.near.service\n"))


ARMED = ["my.pool.near"]
TOUCHES = ["consul.service would be stopped"]


@pytest.mark.parametrize(
    ("systems", "touches", "armed", "signers", "expected"),
    [
        (Systems("a", "a", "a"), [], ARMED, False, "nothing"),
        (Systems("a", "a", "b"), [], ARMED, False, "boot"),
        (Systems("a", "b", "b"), [], [], False, "test"),
        (Systems("a", "b", "b"), TOUCHES, [], False, "test"),
        (Systems("a", "b", "b"), [], ARMED, False, "defer"),
        (Systems("a", "b", "b"), [], ARMED, True, "test"),
        (Systems("a", "b", "b"), TOUCHES, ARMED, True, "hold"),
        (Systems("a", "b", "b"), TOUCHES, [], True, "test"),
    ],
)
def test_what_is_done_with_a_system(
    systems: Systems, touches: list[str], armed: list[str], signers: bool, expected: str
) -> None:
    assert step(systems, touches, armed, signers=signers) == expected
