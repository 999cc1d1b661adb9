"""The files of neard's home become its user's, and nothing else does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from near_ha.host import neard_paths
from near_ha.host.tree_owner import Walk

OWNER = 54_321, 54_322

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """Of which a part is root's, as after a `cp -a` or a neard that once ran as root."""
    home = tmp_path / "home"
    for place in ("data/deep/er", "elsewhere"):
        (home / place).mkdir(parents=True)
    for name in ("config.json", "data/000012.sst", "data/deep/er/LOG", "data/mine"):
        (home / name).touch()
    for name in (".", "data", "data/mine"):
        os.chown(home / name, *OWNER)
    yield home


def owner(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_uid, status.st_gid


def test_all_of_a_tree_becomes_the_users_and_a_second_look_finds_nothing(home: Path) -> None:
    walk = Walk(OWNER, changes=True)
    walk.tree(home / "data")
    assert sorted(walk.foreign) == [
        str(home / "data" / name) for name in ("000012.sst", "deep", "deep/er", "deep/er/LOG")
    ]
    assert {owner(path) for path in (home / "data").rglob("*")} == {OWNER}
    assert owner(home / "config.json") == (0, 0), "it is in no tree that was named"
    again = Walk(OWNER, changes=True)
    again.tree(home / "data")
    assert (again.foreign, again.left, again.unseen) == ([], [], "")


def test_check_mode_finds_the_same_and_changes_nothing(home: Path) -> None:
    walk = Walk(OWNER, changes=False)
    walk.tree(home / "data")
    assert len(walk.foreign) == 4
    assert owner(home / "data" / "deep") == (0, 0)


def test_no_link_is_followed_wherever_it_is(home: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "shadow").touch()
    (home / "data" / "out").symlink_to(secret)
    (home / "data" / "file").symlink_to(secret / "shadow")
    (home / "linked").symlink_to(secret)
    walk = Walk(OWNER, changes=True)
    walk.tree(home / "data")
    walk.tree(home / "linked")
    walk.entry(home / "linked")
    assert owner(secret) == owner(secret / "shadow") == (0, 0)


@pytest.mark.parametrize(("protected", "becomes"), [("1", OWNER), ("0", (0, 0))])
def test_what_may_be_a_second_name_of_another_file_is_left(
    home: Path, tmp_path: Path, protected: str, becomes: tuple[int, int]
) -> None:
    """Where the kernel lets everybody make one; where it does not, RocksDB's own are all there are."""
    kernel = tmp_path / "protected_hardlinks"
    kernel.write_text(f"{protected}\n")
    (tmp_path / "shadow").touch()
    os.link(tmp_path / "shadow", home / "data" / "000013.sst")
    walk = Walk(OWNER, changes=True, hard_links=kernel)
    walk.tree(home / "data")
    assert owner(tmp_path / "shadow") == becomes
    assert bool(walk.left) == (becomes == (0, 0))
    assert str(home / "data" / "000013.sst") in walk.foreign


def test_it_ends_in_time_and_says_where(home: Path) -> None:
    ticks = iter(range(1_000))
    walk = Walk(OWNER, changes=True, longest_s=2.5, clock=lambda: float(next(ticks)))
    walk.tree(home / "data")
    assert walk.unseen == str(home / "data")
    assert 0 < len(walk.foreign) < 4


def test_what_is_not_there_and_what_is_no_file_is_left_alone(home: Path) -> None:
    os.mkfifo(home / "data" / "pipe")
    walk = Walk(OWNER, changes=True)
    walk.tree(home / "nothing")
    walk.tree(home / "config.json" / "nothing")
    walk.tree(home / "data")
    assert owner(home / "data" / "pipe") == (0, 0)


def test_where_neard_writes(tmp_path: Path) -> None:
    home, disk = tmp_path / "home", tmp_path / "disk"
    home.mkdir()
    disk.mkdir()
    assert neard_paths.directories(home, {}) == {"store.path": home / "data"}
    assert neard_paths.outside(home, {}) == {}
    config = {
        "store": {"path": "../disk/hot"},
        "cold_store": {"path": "cold"},
        "contract_cache_path": str(disk / "contracts"),
        "state_sync": {"dump": {"location": {"Filesystem": {"root_dir": str(disk / "dump")}}}},
    }
    assert {name: found["path"] for name, found in neard_paths.outside(home, config).items()} == {
        "store.path": f"{disk}/hot",
        "contract_cache_path": f"{disk}/contracts",
        "state_sync.dump.location.Filesystem.root_dir": f"{disk}/dump",
    }
    assert {found["fault"] for found in neard_paths.outside(home, config).values()} == {
        "cannot be looked at: No such file or directory"
    }
    (home / "data").symlink_to(disk)
    for broken in ({"store": None}, {"store": {"path": 7}, "state_sync": {"dump": None}}):
        (found,) = neard_paths.outside(home, broken).values()
        assert found == {"named": f"{home}/data", "path": str(disk), "fault": "is root's"}
    os.chown(disk, *OWNER)
    assert neard_paths.outside(home, {})["store.path"]["fault"] == ""
