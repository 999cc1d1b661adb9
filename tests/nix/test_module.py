"""nix/module.nix: what it refuses, and what of a host it leaves to the host's owner.

By our own stand-in for nixpkgs' lib this is about the wiring, not about NixOS's types; with NIXPKGS it is about both.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from support.nix_host import NixError, NixHost
from support.pages import ROOT

ACCOUNT = "my.pool.near"
SECRETS = (
    "validatorKeyFile",
    "nodeKeysDir",
    "consulTokenFile",
    "consulKeyFile",
    "recordKeyFile",
    "notifyUrlFile",
    "notifyTokenFile",
)


def plain(**validator: Any) -> dict[str, Any]:
    return {"validators": {ACCOUNT: validator}}


def ours(text: str) -> str:
    """A module with settings in Nix's words."""
    return f"{{ lib, ... }}: {{ services.near-validator = {{ {text} }}; }}"


def wrong(host: NixHost, settings: dict[str, Any], *modules: str) -> str:
    # Nothing else, as where a NixOS is built: what is wrong is said before anything is made of it.
    return "\n".join(host.of(settings, *(f"({module})" for module in modules), part="wrong"))


def test_a_host_with_one_validator_is_well(host: NixHost) -> None:
    assert wrong(host, plain()) == ""


@pytest.mark.parametrize("option", SECRETS)
def test_no_secret_is_in_the_store(host: NixHost, option: str) -> None:
    file = host.place / "secret.json"
    file.write_text("{}")
    said = wrong(host, plain(), ours(f'validators."{ACCOUNT}".{option} = "${{{file}}}";'))
    assert f"{ACCOUNT}.{option} is /" in said
    assert "outside" in said
    assert "replace it" in said
    said = wrong(host, plain(), ours(f'validators."{ACCOUNT}".{option} = builtins.storeDir + "/abc-key.json";'))
    assert f"{ACCOUNT}.{option} is /" in said


@pytest.mark.parametrize("option", SECRETS)
def test_a_path_of_nix_is_no_secrets_place(host: NixHost, option: str) -> None:
    with pytest.raises(NixError, match="not of type"):
        wrong(host, plain(), ours(f'validators."{ACCOUNT}".{option} = /etc/hostname;'))


@pytest.mark.parametrize("place", ["/run/secrets/near/key.json", "/run/agenix/key"])
def test_secrets_of_other_tools_are_taken(host: NixHost, place: str) -> None:
    assert wrong(host, plain(validatorKeyFile=place, consulTokenFile=place)) == ""


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"neardProgram": None}, "0 of these three are set"),
        ({"binary": "/srv/neard", "binaryHash": "0" * 64}, "2 of these three are set"),
        ({"neardProgram": None, "binary": "/srv/neard"}, "binaryHash is not set"),
        (plain(lease=3.9), "not between 4 and 600"),
        (plain(lease=601), "not between 4 and 600"),
        (plain(home="var/lib"), "has to begin with '/'"),
        (plain(notifyCommand="tell"), "to begin with a program's absolute path"),
        (plain(preTakeover="may-i now"), "to begin with a program's absolute path"),
        (plain(notifyTimeout=61), "at most 60 seconds"),
        (plain(preTakeoverTimeout=0), "at most 60 seconds"),
        (plain(notifyTokenFile="/etc/near/token"), "notifyUrlFile is not"),
        ({"validators": {"Not-near": {}}}, "Not-near is no NEAR account"),
        ({"validators": {"x": {}}}, "x is no NEAR account"),
        ({"validators": {"one.near": {}, "two.near": {}}}, "of home two are the same"),
        ({"validators": {"one.near": {}, "two.near": {"home": "/srv/two"}}}, "of networkPort two are the same"),
    ],
)
def test_what_cannot_work_is_refused(host: NixHost, settings: dict[str, Any], sentence: str) -> None:
    assert sentence in wrong(host, {**plain(), **settings})


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        ("{ services.consul.enable = true; }", "two agents on one host"),
        ("{ system.etc.overlay = { enable = true; mutable = false; }; }", "no key can be put below /etc/near"),
        (
            '{ services.near-validator.python = { type = "derivation"; outPath = "/p"; pythonVersion = "3.9.20"; }; }',
            "python is 3.9.20",
        ),
    ],
)
def test_a_host_that_is_not_fit_is_refused(host: NixHost, module: str, sentence: str) -> None:
    assert sentence in wrong(host, plain(), module)


def test_a_server_of_consul_needs_neither_neard_nor_the_daemon(host: NixHost) -> None:
    told = host.of({"neardProgram": None, "supervisorFile": None})
    assert told["wrong"] == []
    assert told["etc"] == {}
    assert "consul" in told["services"] or "consul.service" in told["units"]


def test_an_agent_that_is_not_ours_is_left_alone(host: NixHost) -> None:
    told = host.of({**plain(), "consul": {"enable": False}}, "{ services.consul.enable = true; }")
    assert told["wrong"] == []
    assert not [rule for rule in told["tmpfiles"] if "consul" in rule]
    assert "consul" not in told["services"]


def test_the_owner_of_a_host_has_the_last_word_on_its_kernel(host: NixHost) -> None:
    told = host.of(plain(), '{ boot.kernel.sysctl."net.core.default_qdisc" = "cake"; }')
    assert told["sysctl"]["net.core.default_qdisc"] == "cake"
    left = host.of({**plain(), "tuneKernel": False})["sysctl"]
    assert "net.ipv4.tcp_congestion_control" not in left


def test_the_firewall_is_opened_on_request_and_for_neard_only(host: NixHost) -> None:
    two = {"one.near": {}, "two.near": {"home": "/srv/two", "networkPort": 24999, "exporterAddress": "127.0.0.1:2"}}
    assert host.of({"validators": two})["ports"] == []
    assert sorted(host.of({"validators": two, "openFirewall": True})["ports"]) == [24567, 24999]


def test_accounts_are_declared(host: NixHost) -> None:
    """Where mutableUsers is false, those that are not declared are removed."""
    assert host.of({**plain(), "user": "signer", "group": "signers"})["users"] == {
        "signer": {"isSystemUser": True, "group": "signers", "home": "/var/lib/near"},
        "consul": {"isSystemUser": True, "group": "consul", "home": "/var/lib/consul"},
    }


def test_links_stay_where_they_are_and_lead_to_what_is_newest(host: NixHost) -> None:
    links = {name: entry["source"] for name, entry in host.of(plain())["etc"].items() if "/bin/" in name}
    assert links["near/bin/neard"] == "/usr/local/bin/neard"
    assert re.search(r"near-supervisor[^/]*/bin/near-supervisor$", links["near/bin/near-supervisor"])
    assert re.search(r"near-supervisor[^/]*/bin/kuutamoctl$", links["near/bin/kuutamoctl"])
    built = {"neardProgram": None, "binary": str(ROOT / "LICENSE"), "binaryHash": "0" * 64}
    assert host.of({**plain(), **built})["etc"]["near/bin/neard"]["source"].endswith("/bin/neard")


@pytest.mark.parametrize("part", ["services", "etc", "users"])
def test_a_host_that_is_not_enabled_gets_nothing(host: NixHost, part: str) -> None:
    found = host.of({**plain(), "enable": False}, part=part)
    assert found == {}


def test_what_a_managed_host_has_is_what_the_inventory_says(host: NixHost) -> None:
    folder = managed(host)
    told = host.told(str(folder), f'{{ services.near-validator.validators."{ACCOUNT}".nodeId = "owner"; }}')
    assert told["wrong"] == []
    assert told["validators"][ACCOUNT]["nodeId"] == "owner", "configuration.nix goes before settings.json"
    assert told["validators"][ACCOUNT]["lease"] == pytest.approx(12.5)


def test_a_file_that_was_changed_on_a_host_is_not_run(host: NixHost) -> None:
    folder = managed(host)
    (file,) = folder.glob("near-supervisor-*")
    file.write_bytes(b"something else")
    (said,) = host.told(str(folder))["wrong"]
    assert "is not what its name says" in said


def managed(host: NixHost) -> Any:
    """As role supervisor writes it: the folder that configuration.nix imports."""
    folder = host.place / "validator-ha"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name in ("module.nix", "units.nix", "package.nix"):
        (folder / name).write_bytes((ROOT / "nix" / name).read_bytes())
    (folder / "default.nix").write_bytes((ROOT / "nix" / "managed.nix").read_bytes())
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    (folder / f"near-supervisor-{empty}").touch()
    settings = {
        "enable": True,
        "neardProgram": "/usr/local/bin/neard",
        "supervisorFile": f"near-supervisor-{empty}",
        **plain(nodeId="a", lease=12.5),
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    return folder


def test_the_examples_of_the_documentation_are_taken(host: NixHost) -> None:
    page = (ROOT / "docs" / "operate" / "nixos.md").read_text()
    found = re.findall(r"^( *)(services\.near-validator = \{\n.*?\n\1\};)$", page, re.MULTILINE | re.DOTALL)
    assert len(found) == 2
    for _indent, text in found:
        of_neard = re.sub(r"package = .*;", 'neardProgram = "/n";', text)
        file = host.place / "near-supervisor.pyz"
        file.touch()
        module = f"{{ {of_neard} services.near-validator.supervisorFile = {file}; }}"
        told = host.told(str(ROOT / "nix" / "module.nix"), module)
        assert told["wrong"] == []
        assert list(told["validators"]) == [ACCOUNT]
