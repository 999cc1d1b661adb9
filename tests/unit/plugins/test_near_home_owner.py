"""Module near_home on a home that exists: what is neard's there becomes the user's, and nothing else."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Any

import pytest

from support import ansible_modules

pytest.importorskip("ansible.module_utils.testing")
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")

NOBODY = pwd.getpwnam("nobody").pw_uid
GROUP = "nogroup"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """As root has copied it from another host, with a database of some files; one line of it is the user's own."""
    home = tmp_path / "neard"
    (home / "data" / "state_snapshot").mkdir(parents=True)
    (home / ".ssh").mkdir()
    (tmp_path / "keys").mkdir()
    for name in ("config.json", "genesis.json", "node_key.json", "data/000012.sst", "data/state_snapshot/LOG"):
        (home / name).write_text("{}")
    (home / ".ssh" / "authorized_keys").touch()
    for name in ("voter_node_key.json", "validator_node_key.json"):
        (tmp_path / "keys" / name).touch()
    return home


def make(home: Path, check: bool = False, **more: Any) -> dict[str, Any]:
    given = {
        "path": str(home),
        "program": "/nonexistent/neard",
        "chain_id": "mainnet",
        "keys_dir": str(home.parent / "keys"),
        "owner": "nobody",
        "group": GROUP,
        **more,
    }
    return ansible_modules.run(ansible_modules.load("near_home"), given, check=check)


def roots(home: Path) -> set[str]:
    return {str(path.relative_to(home)) for path in home.rglob("*") if path.lstat().st_uid == 0}


def test_what_is_neards_becomes_the_users_and_the_rest_does_not(home: Path) -> None:
    found = make(home, check=True)
    assert (found["changed"], found["given"]) == (True, 7)
    assert "data/000012.sst becomes nobody's" in found["diff"]["after"]
    assert len(roots(home)) == 9, "check mode changes nothing"
    assert make(home)["given"] == found["given"]
    assert roots(home) == {".ssh", ".ssh/authorized_keys"}
    again = make(home)
    assert (again["changed"], again["given"], again["diff"]["after"]) == (False, 0, "")


def test_a_directory_elsewhere_is_taken_if_the_inventory_names_it_and_not_if_a_file_of_the_user_does(
    home: Path, tmp_path: Path
) -> None:
    named, unnamed = tmp_path / "named", tmp_path / "unnamed"
    for place in (named, unnamed):
        place.mkdir()
        (place / "LOG").touch()
    (home / "config.json").write_text(f'{{"store": {{"path": "{unnamed}"}}, "genesis_file": "../unnamed/LOG"}}')
    make(home, data_dirs=[str(named)])
    assert (named / "LOG").stat().st_uid == NOBODY
    assert unnamed.stat().st_uid == (unnamed / "LOG").stat().st_uid == 0


def test_a_database_behind_a_link_is_said_and_left(home: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    (home / "data").rename(disk)
    (home / "data").symlink_to(disk)
    found = make(home)
    assert (disk / "000012.sst").stat().st_uid == 0
    (warning,) = found["warnings"]
    assert f"link to {disk}" in warning
    assert "chown --recursive --no-dereference nobody:nogroup" in warning


def test_in_check_mode_the_user_may_be_one_that_would_be_made(home: Path) -> None:
    assert make(home, check=True, owner="nobody-has-this-name")["given"] == 0
