"""The platforms that the roles name: those whose own Python is new enough for the daemon, the same in each role."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
# The python3 of each release, by its distribution's package list. Those that are too old are here to be refused.
PYTHON = {
    ("Debian", "bullseye"): (3, 9),
    ("Debian", "bookworm"): (3, 11),
    ("Debian", "trixie"): (3, 13),
    ("Ubuntu", "focal"): (3, 8),
    ("Ubuntu", "jammy"): (3, 10),
    ("Ubuntu", "noble"): (3, 12),
}
# The system of a NixOS brings its own Python; Galaxy has no name for it.
NIXOS_ROLE = "nixos"


def required() -> tuple[int, int]:
    """The daemon's oldest Python."""
    (found,) = re.findall(r'requires-python = ">=(\d+)\.(\d+)"', (ROOT / "pyproject.toml").read_text())
    return int(found[0]), int(found[1])


def platforms(role: Path) -> set[tuple[str, str]]:
    info: dict[str, Any] = yaml.safe_load((role / "meta/main.yml").read_text())["galaxy_info"]
    return {(one["name"], version) for one in info["platforms"] for version in one["versions"]}


def test_each_role_names_the_releases_whose_python_is_new_enough_and_no_others() -> None:
    fit = {release for release, python in PYTHON.items() if python >= required()}
    roles = [role for role in sorted((ROOT / "roles").iterdir()) if role.name != NIXOS_ROLE]
    assert roles
    assert {role.name: platforms(role) for role in roles} == {role.name: fit for role in roles}
