"""Module near_neard_units: what it masks, and what it leaves."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from near_ha.host import neard_units as found_units
from near_ha.host import unit_files
from support import ansible_modules

pytest.importorskip("ansible.module_utils.basic")
module = ansible_modules.load("near_neard_units")
units = module.neard_units
ACCOUNT = "v.near"


class Host:
    """Unit files in a directory, and what systemctl was told."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        self.place, self.lib, self.home = root / "etc", root / "lib", root / "home"
        for directory in (self.place, self.lib, self.home):
            directory.mkdir()
        self.asked: list[list[str]] = []
        self.state = "inactive"
        known = units.found
        patch.setattr(module, "PLACE", self.place)
        patch.setattr(units, "LINGER", root / "linger")
        patch.setattr(units, "CRON", (root / "cron",))
        patch.setattr(units, "found", lambda validator, names: known(validator, names, (self.place, self.lib)))
        patch.setattr(module.supervisor_host, "units", lambda *names: [{"ActiveState": self.state} for _ in names])
        patch.setattr(module.subprocess, "run", lambda command, **_words: self.asked.append(command))

    def enable(self, name: str, place: Path) -> Path:
        template = unit_files.template_of(name) or name
        (place / template).write_text(f"[Service]\nExecStart=/usr/bin/neard --home {self.home} run\n")
        (self.place / "multi-user.target.wants").mkdir(exist_ok=True)
        (self.place / "multi-user.target.wants" / name).symlink_to(place / template)
        return place / template

    def run(self, **words: Any) -> dict[str, Any]:
        check = words.pop("check", False)
        return ansible_modules.run(module, {"account_id": ACCOUNT, "home": str(self.home), **words}, check=check)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


def is_masked(path: Path) -> bool:
    return path.is_symlink() and str(path.readlink()) == os.devnull


def test_a_host_without_any_is_left_as_it_is(host: Host) -> None:
    result = host.run()
    assert (result["changed"], result["masked"], host.asked) == (False, [], [])


def test_units_of_every_kind_are_masked_and_what_was_written_is_kept(host: Host) -> None:
    own = host.enable("neard.service", host.place)
    text = own.read_text()
    host.enable("packaged.service", host.lib)
    host.enable("node@a.service", host.place)
    seen = host.run(check=True)
    assert {one["unit"] for one in seen["masked"]} == {"neard.service", "packaged.service", "node@a.service"}
    assert seen["changed"]
    assert own.read_text() == text
    assert host.asked == []
    done = host.run()
    assert done["masked"] == seen["masked"]
    assert all(is_masked(host.place / name) for name in ("neard.service", "packaged.service", "node@a.service"))
    assert (host.place / "neard.service.before-near-supervisor").read_text() == text
    # Other instances of the template are somebody's own.
    assert not is_masked(host.place / "node@.service")
    assert host.asked[-1] == ["systemctl", "daemon-reload"]
    assert ["systemctl", "disable", "neard.service"] in host.asked
    assert host.run()["changed"] is False


def test_a_unit_that_runs_is_not_masked_before_somebody_has_stopped_it(host: Host) -> None:
    own = host.enable("neard.service", host.place)
    host.state = "active"
    result = host.run()
    assert result["failed"]
    assert "neard.service" in result["msg"]
    assert "It is active. Find out whether its neard signs, and stop it: systemctl stop neard.service" in result["msg"]
    assert own.is_file()
    assert not own.is_symlink()


def test_a_unit_that_is_known_is_left(host: Host) -> None:
    host.enable("neard.service", host.place)
    assert host.run(known_units=["neard.service"])["changed"] is False


def test_on_nixos_nothing_is_masked(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.enable("neard.service", host.place)
    monkeypatch.setattr(module.nixos_system, "is_here", lambda: True)
    result = host.run()
    assert (
        "On NixOS units are the system's, and cannot be masked here: take it out of the configuration" in result["msg"]
    )


def test_a_users_unit_is_the_users(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    starter = found_units.Starter("neard.service", "/x", "default.target", "would run neard", "op disables it")
    monkeypatch.setattr(units, "found", lambda *_words: [starter])
    assert "It is no unit of the system: op disables it" in host.run()["msg"]
