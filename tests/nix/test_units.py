"""A NixOS host has the units of a Debian host, and each difference between them is one that is named here.

What NixOS writes is compared with what Ansible renders of the roles' own templates, instance by instance, with all
drop-ins: a line that is changed in a template and not in nix/units.nix is a failure here.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support import unit_text
from support.debian_units import DebianHost
from support.nix_host import NixHost
from support.unit_cases import ACCOUNT, CASES, Case

PROGRAM = r"(?<![\w/.-])({})(?= )"


@dataclass(frozen=True)
class Allowed:
    """What Debian has of ``key`` where ``old`` is found, NixOS has with ``new``."""

    why: str
    key: str
    old: str
    new: str


ALLOWED = (
    Allowed(
        "a unit has the PATH of its nixpkgs in its text: so it says itself what it is",
        "ExecStartPre",
        r"sha256sum (/etc/systemd/system/consul\.service) ",
        r'echo "$$NEAR_UNIT \1"; sha256sum ',
    ),
    Allowed(
        "the garbage collector looks at environments and not at arguments; it would take a running program's file",
        "ExecStart",
        r'exec "\$\$\(readlink -f (\S+)\)"',
        r'NEAR_PROGRAM="$$(readlink -f \1)"; export NEAR_PROGRAM; exec "$$NEAR_PROGRAM"',
    ),
    Allowed(
        "/usr/local/bin is not Nix's; /etc/near/bin holds links that a new system moves",
        "Exec.*",
        "/usr/local/bin/near-supervisor",
        "/etc/near/bin/near-supervisor",
    ),
    Allowed("as above", "NEAR_SUPERVISOR_NEARD", "/usr/local/bin/neard", "/etc/near/bin/neard"),
    Allowed(
        "a drop-in of NixOS brings a PATH of its own, so programs are named by their places",
        "Exec.*",
        PROGRAM.format("readlink|seq|sleep|stat|sha256sum"),
        r"/nix/store/coreutils/bin/\1",
    ),
    Allowed("as above", "Exec.*", PROGRAM.format("chrt|renice"), r"/nix/store/util-linux/bin/\1"),
    Allowed("as above", "Exec.*", PROGRAM.format("systemctl"), r"/nix/store/systemd/bin/\1"),
    Allowed("NixOS has no /bin/kill", "ExecReload", "/bin/kill", "/nix/store/coreutils/bin/kill"),
    Allowed("NixOS has no /usr/bin/consul", "Exec.*", "/usr/bin/consul", "/nix/store/consul/bin/consul"),
    Allowed("Nix writes a number without the zeros at its end", "WatchdogSec|NEAR_SUPERVISOR_LEASE", r"\.0$", ""),
)
# What NixOS alone has.
ADDED = {
    ("Unit", "X-StopOnRemoval"): "an activation leaves running what is no longer configured",
    ("Service", "X-RestartIfChanged"): "an activation does not restart what has changed",
    ("Service", "X-StopIfChanged"): "nor does it stop it",
}
# More of them than on Debian: an activation may come before the files are there, and must start nothing that fails.
MORE = ("Unit", "ConditionPathExists")
OF_NIXOS = re.compile(r'"?(PATH|LOCALE_ARCHIVE|TZDIR|NEAR_UNIT)=')
UNITS = ("near-guard", "near-supervisor", "consul")


def debian_unit(host: DebianHost, name: str) -> unit_text.Unit:
    if name == "consul":
        return unit_text.over(unit_text.read(host.rendered("consul", "consul.service.j2")), {})
    dropin = host.rendered("supervisor", f"{name.removeprefix('near-')}.conf.j2")
    return unit_text.over(unit_text.read(host.rendered("supervisor", f"{name}@.service.j2")), unit_text.read(dropin))


def nixos_unit(told: dict[str, Any], name: str) -> unit_text.Unit:
    names = ["consul"] if name == "consul" else [f"{name}@", f"{name}@{ACCOUNT}"]
    wanted = []
    parts = []
    for part in names:
        if told["units"]:
            found = told["units"][f"{part}.service"]
            text = re.sub(r"/nix/store/[a-z0-9]{32}-([a-z-]*[a-z])[^/\s]*", r"/nix/store/\1", found["text"])
        else:
            found = told["services"][part]
            text = unit_text.of_service(found)
        wanted += found.get("wantedBy", [])
        parts.append(unit_text.read(text))
        parts[-1].pop(("Install", "WantedBy"), None)
    unit = unit_text.over(parts[0], parts[1] if parts[1:] else {})
    if wanted:
        unit["Install", "WantedBy"] = wanted
    return {
        at: values
        for at, found_values in unit.items()
        if (values := [value for value in found_values if not OF_NIXOS.match(value)])
    }


def as_on_nixos(key: str, value: str, used: set[Allowed]) -> str:
    for allowed in ALLOWED:
        if re.fullmatch(allowed.key, key) and re.search(allowed.old, value):
            used.add(allowed)
            value = re.sub(allowed.old, allowed.new, value)
    return value


def compared(host: NixHost, case: Case, used: set[Allowed]) -> None:
    debian = DebianHost(supervisor_account_id=ACCOUNT, **case.inventory)
    told = host.of(case.settings)
    assert told["wrong"] == []
    for name in UNITS:
        wanted = {
            at: [as_on_nixos(at[1], value, used) for value in values]
            for at, values in debian_unit(debian, name).items()
        }
        found = nixos_unit(told, name)
        assert set(ADDED) <= set(found)
        assert set(wanted.get(MORE, [])) <= set(found.pop(MORE))
        wanted.pop(MORE, None)
        assert {at: values for at, values in found.items() if at not in ADDED} == wanted, name
    settings = variables(debian.rendered("supervisor", "settings.env.j2"))
    assert variables(told["etc"][f"near/supervisor/{ACCOUNT}.env"]["text"]) == {
        key: as_on_nixos(key, value, used) for key, value in settings.items()
    }


def variables(text: str) -> dict[str, str]:
    lines = [line.partition("=") for line in text.splitlines() if line and not line.startswith("#")]
    found = {name: value[1:-1] for name, _is, value in lines if value[0] == value[-1] == '"'}
    assert len(found) == len(lines)
    return found


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_the_units_are_those_of_debian(host: NixHost, case: Case) -> None:
    compared(host, case, set())


def test_each_allowed_difference_is_one(host: NixHost) -> None:
    used: set[Allowed] = set()
    for case in CASES.values():
        compared(host, case, used)
    assert used == set(ALLOWED), "what is not there any more needs no allowance"


def test_directories_are_as_on_debian(host: NixHost) -> None:
    debian = DebianHost(supervisor_account_id=ACCOUNT)
    entries = [
        *debian.value("{{ _neard_files }}"),
        *debian.value("{{ _supervisor_directories }}"),
        *debian.value("{{ _consul_files }}"),
    ]
    wanted = {}
    for entry in entries:
        if entry.get("state") == "directory":
            owner = entry.get("owner", "root"), entry.get("group", "root")
            wanted[entry["path"]] = (entry.get("mode", "0755"), *owner)
    rules = [rule.split() for rule in host.of({"validators": {ACCOUNT: {}}})["tmpfiles"]]
    assert {path: tuple(rest) for _type, path, *rest, _age in rules} == wanted


def test_the_kernel_is_set_as_on_debian(host: NixHost) -> None:
    wanted = {name: str(value) for name, value in DebianHost().value("{{ neard_sysctl }}").items()}
    found = host.of({"validators": {ACCOUNT: {}}})["sysctl"]
    assert wanted.items() <= found.items()


def test_an_activation_touches_none_of_them(host: NixHost) -> None:
    told = host.of(CASES["everything set"].settings)
    names = [f"near-{what}@{account}" for what in ("guard", "supervisor") for account in ("", ACCOUNT, "other.near")]
    if told["units"]:
        for name in (*names, "consul"):
            text = told["units"][f"{name}.service"]["text"]
            assert {"X-RestartIfChanged=false", "X-StopIfChanged=false", "X-StopOnRemoval=false"} <= set(text.split())
        return
    assert sorted(told["services"]) == sorted([*names, "consul"])
    for service in told["services"].values():
        assert (service["restartIfChanged"], service["stopIfChanged"]) == (False, False)
        assert service["unitConfig"]["X-StopOnRemoval"] is False
        assert "reloadIfChanged" not in service


def marks(host: NixHost, **options: Any) -> dict[str, str]:
    """What each unit says of itself, by its name."""
    consul = options.pop("consul", {})
    services = host.of({"validators": {ACCOUNT: options}, "consul": consul})["services"]
    found = {name: it.get("environment", {}).get("NEAR_UNIT", "") for name, it in services.items()}
    return {name: mark for name, mark in found.items() if mark}


def test_a_unit_that_is_another_one_says_so(host: NixHost) -> None:
    """By which role supervisor and role consul see what has to be restarted: files of a store have no age."""
    plain = marks(host)
    if not plain:
        pytest.skip("a whole NixOS gives units as text")
    guard, supervisor = f"near-guard@{ACCOUNT}", f"near-supervisor@{ACCOUNT}"
    assert set(plain) == {guard, supervisor, "consul"}
    assert marks(host) == plain
    for options, changed in (
        ({"openFiles": 100000}, {guard}),
        ({"writePaths": ["/srv"]}, {guard}),
        ({"writePaths": ["/home/near/db"]}, {guard, supervisor}),
        ({"stopTimeout": 90}, {supervisor}),
        ({"nodeId": "other"}, set()),
        ({"consul": {"dataDir": "/srv/consul"}}, {"consul"}),
    ):
        found = marks(host, **options)
        assert {name for name in plain if found[name] != plain[name]} == changed, options


def test_the_version_that_runs_is_in_its_environment(host: NixHost, tmp_path: Path) -> None:
    """As systemd starts it: in /proc/PID/environ, where the garbage collector looks, and not in the arguments only."""
    version = tmp_path / "near-supervisor-1"
    version.write_text("#!/bin/sh\ntr '\\0' '\\n' < /proc/$$/environ\n")
    version.chmod(0o755)
    link = tmp_path / "near-supervisor"
    link.symlink_to(version)
    (command,) = nixos_unit(host.of({"validators": {ACCOUNT: {}}}), "near-supervisor")["Service", "ExecStart"]
    words = shlex.split(command.replace("$$", "$").replace("/nix/store/coreutils/bin/", ""))
    words[-1] = words[-1].replace("/etc/near/bin/near-supervisor", str(link))
    environ = {"PATH": os.environ["PATH"]}
    said = subprocess.run(words, capture_output=True, text=True, check=True, env=environ, timeout=30).stdout
    assert f"NEAR_PROGRAM={version}" in said.splitlines()


def test_an_instance_is_a_dropin_of_its_template_and_starts_with_the_host(host: NixHost) -> None:
    told = host.of({"validators": {ACCOUNT: {}}})
    found = told["services"] or {name.removesuffix(".service"): unit for name, unit in told["units"].items()}
    for what in ("guard", "supervisor"):
        assert found[f"near-{what}@{ACCOUNT}"]["overrideStrategy"] == "asDropin"
        assert not found[f"near-{what}@"].get("wantedBy"), "a template that is wanted is started for nobody"
    assert found[f"near-supervisor@{ACCOUNT}"]["wantedBy"] == ["multi-user.target"]
    assert not found[f"near-guard@{ACCOUNT}"].get("wantedBy"), "its supervisor wants it"


def test_nothing_starts_before_what_it_needs_is_there(host: NixHost) -> None:
    told = host.of(CASES["everything set"].settings)
    own = f"/etc/near/supervisor/{ACCOUNT}"
    at_home = {"/etc/near/supervisor/%i.env", "/home/near/mainnet/config.json"}
    assert set(nixos_unit(told, "near-guard")[MORE]) == at_home
    assert set(nixos_unit(told, "near-supervisor")[MORE]) == at_home | {
        "/run/secrets/near/voter_node_key.json",
        "/run/secrets/near/validator_node_key.json",
        f"{own}/validator_key.json",
        f"{own}/consul_token",
        f"{own}/record_key",
    }
    assert set(nixos_unit(told, "consul")[MORE]) == {
        f"/srv/consul.d/{name}"
        for name in ("consul.json", "secrets.json", "tls/ca.pem", "tls/agent.pem", "tls/agent-key.pem")
    }


def test_only_what_nixos_has_is_named_outside_of_the_store(host: NixHost) -> None:
    told = host.of(CASES["everything set"].settings)
    for name in UNITS:
        for (_section, key), values in nixos_unit(told, name).items():
            for value in values if key.startswith("Exec") else []:
                outside = set(re.findall(r"(?<![\w/.-])/(?:usr/|)s?bin/[\w/-]+", value))
                assert outside <= {"/bin/sh"}, f"{name} {key}"
