"""Module near_files through its main(): what it puts where, what it says of it, and what it never says."""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import stat
from pathlib import Path
from typing import Any

import pytest

from support import ansible_modules

pytest.importorskip("ansible.module_utils.testing")

SECRET = "ed25519:3D4YudUQRE39Lc4JHghuB5WM8kbgDDa34mnrEP5DdTApVH81af7e2dWgNPEaiQfdJnZq1CNPp5im4Rg5b733oiMP"
OWN = {"owner": pwd.getpwuid(os.getuid()).pw_name, "group": grp.getgrgid(os.getgid()).gr_name}


def put(*files: dict[str, Any], check: bool = False, **arguments: Any) -> dict[str, Any]:
    """The module's result for these files, which belong to whoever runs the test."""
    module = ansible_modules.load("near_files")
    given = {"files": [{**OWN, **{name: str(value) for name, value in file.items()}} for file in files], **arguments}
    return ansible_modules.run(module, given, check=check)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_everything_is_put_in_place_and_a_second_call_changes_nothing(tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.write_text("from the host")
    files = (
        {"path": tmp_path / "deep" / "etc", "state": "directory", "mode": "0750"},
        {"path": tmp_path / "deep" / "etc" / "settings", "content": "lease=10\n", "mode": "0640"},
        {"path": tmp_path / "deep" / "etc" / "copy", "remote_src": given},
        {"path": tmp_path / "bin" / "name", "state": "link", "target": "../deep/etc/settings"},
    )
    result = put(*files)
    assert result["changed_paths"] == [str(file["path"]) for file in files]
    etc = tmp_path / "deep" / "etc"
    assert (mode(etc), mode(etc / "settings"), mode(etc / "copy")) == (0o750, 0o640, 0o644)
    assert (tmp_path / "bin" / "name").read_text() == "lease=10\n"
    assert (etc / "copy").read_text() == "from the host"
    again = put(*files)
    assert (again["changed"], again["changed_paths"], again["diff"]) == (False, [], [])


def test_check_mode_says_the_same_and_does_nothing(tmp_path: Path) -> None:
    files = (
        {"path": tmp_path / "etc", "state": "directory"},
        {"path": tmp_path / "etc" / "settings", "content": "new\n", "validate": "/bin/false %s"},
        {"path": tmp_path / "name", "state": "link", "target": "etc"},
    )
    result = put(*files, check=True)
    assert result["changed_paths"] == [str(file["path"]) for file in files]
    assert list(tmp_path.iterdir()) == []


def test_in_check_mode_an_owner_may_be_one_that_would_be_made(tmp_path: Path) -> None:
    file = {"path": tmp_path / "settings", "content": "x", "owner": "nobody-has-this-name"}
    assert put(file, check=True)["changed_paths"] == [str(tmp_path / "settings")]
    failed = put(file)
    assert failed["failed"]
    assert "'nobody-has-this-name' is no user of this host" in failed["msg"]


def test_a_diff_has_the_text_and_a_wrong_mode_alone_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "settings"
    path.write_text("old\n")
    path.chmod(0o600)
    (diff,) = put({"path": path, "content": "new\n"})["diff"]
    assert (diff["before"], diff["after"]) == ("old\n", "new\n")
    path.chmod(0o666)
    inode = path.stat().st_ino
    (diff,) = put({"path": path, "content": "new\n"})["diff"]
    assert "0666" in diff["before"]
    assert (mode(path), path.stat().st_ino) == (0o644, inode)


def test_a_secret_is_in_the_file_and_nowhere_else(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(f"old {SECRET[::-1]}")
    result = put({"path": path, "mode": "0400"}, secrets={str(path): f"{SECRET}\n"})
    assert (path.read_text(), mode(path)) == (f"{SECRET}\n", 0o400)
    assert result["changed_paths"] == [str(path)]
    assert SECRET[8:40] not in result["said"]
    assert SECRET[::-1][8:40] not in result["said"]


def test_a_file_of_the_controller_is_asked_for_only_if_it_differs(tmp_path: Path) -> None:
    path, staged = tmp_path / "bin" / "neard", tmp_path / "staged"
    staged.write_bytes(b"program")
    file = {"path": path, "sha256": hashlib.sha256(b"program").hexdigest(), "mode": "0755"}
    first = put({"path": tmp_path / "etc", "state": "directory"}, file)
    assert (first["changed"], first["needed"]) == (False, [str(path)])
    assert not (tmp_path / "etc").exists(), "nothing is done before all is there"
    assert put({**file, "staged": staged})["changed_paths"] == [str(path)]
    assert (path.read_bytes(), mode(path)) == (b"program", 0o755)
    assert not put(file)["changed"]


def test_a_file_takes_the_place_of_a_link_and_never_goes_through_it(tmp_path: Path) -> None:
    elsewhere, path = tmp_path / "elsewhere", tmp_path / "settings"
    elsewhere.write_text("precious")
    path.symlink_to(elsewhere)
    put({"path": path, "content": "new\n", "mode": "0600"})
    assert (elsewhere.read_text(), path.read_text(), path.is_symlink()) == ("precious", "new\n", False)


def test_a_link_may_stand_for_a_directory(tmp_path: Path) -> None:
    disk, home = tmp_path / "disk", tmp_path / "home"
    disk.mkdir(mode=0o755)
    home.symlink_to(disk)
    put({"path": home, "state": "directory", "mode": "0700"})
    assert home.is_symlink()
    assert mode(disk) == 0o700


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ({"content": "x", "validate": "/bin/sh -c 'echo no good; exit 3' %s"}, "status 3: no good"),
        ({"content": "x", "remote_src": "/etc/hostname"}, "has 2 sources"),
        ({}, "has 0 sources"),
        ({"content": "x", "mode": "rw"}, "mode 'rw'"),
        ({"remote_src": "/nonexistent/key"}, "/nonexistent/key: No such file"),
        ({"state": "directory"}, "must be a directory, and is a file"),
    ],
    ids=lambda given: given if isinstance(given, str) else None,
)
def test_what_cannot_be_is_said_and_the_file_stays(tmp_path: Path, file: dict[str, Any], sentence: str) -> None:
    path = tmp_path / "settings"
    path.write_text("old")
    result = put({"path": path, **file})
    assert result["failed"]
    assert sentence in result["msg"]
    assert path.read_text() == "old"


def programs(place: Path) -> tuple[dict[str, Any], Path]:
    """The link that a role puts in the place of a program, and that program."""
    library = place / "lib"
    library.mkdir()
    (library / "2.pyz").write_text("ours")
    return {"path": place / "kuutamod", "state": "link", "target": library / "2.pyz"}, place / "kuutamod"


def test_a_program_of_somebody_else_is_set_aside_before_a_link_takes_its_name(tmp_path: Path) -> None:
    link, program = programs(tmp_path)
    program.write_text("a real kuutamod")
    program.chmod(0o755)
    foreseen = put(link, check=True)
    assert "set aside" in foreseen["diff"][0]["after"]
    assert program.read_text() == "a real kuutamod"
    result = put(link)
    (aside,) = tmp_path.glob("kuutamod.set-aside-*")
    assert (aside.read_text(), mode(aside), program.read_text()) == ("a real kuutamod", 0o755, "ours")
    (warning,) = result["warnings"]
    assert str(aside) in warning
    assert (put(link)["changed"], len(list(tmp_path.glob("kuutamod.set-aside-*")))) == (False, 1)


def test_a_link_that_leads_elsewhere_is_set_aside_and_one_of_an_older_version_is_not(tmp_path: Path) -> None:
    link, program = programs(tmp_path)
    program.symlink_to("/opt/kuutamod-0.2/bin/kuutamod")
    put(link)
    (aside,) = tmp_path.glob("kuutamod.set-aside-*")
    assert str(aside.readlink()) == "/opt/kuutamod-0.2/bin/kuutamod"
    (tmp_path / "lib" / "3.pyz").touch()
    newer = put({**link, "target": tmp_path / "lib" / "3.pyz"})
    assert (newer["changed"], newer["warnings"]) == (True, [])
    assert len(list(tmp_path.glob("kuutamod.set-aside-*"))) == 1


def test_an_account_is_made_of_what_is_missing() -> None:
    account = ansible_modules.load("near_files").host_account.Account
    user, group = OWN["owner"], OWN["group"]
    assert account(user, group, "/x").steps() == []
    assert account("no-such-user", group, "/x").steps() == [
        ["useradd", "--system", "--gid", group, "--home-dir", "/x", "--no-create-home",
         "--shell", "/usr/sbin/nologin", "no-such-user"],
    ]  # fmt: skip
    assert account(user, "no-such-group", "/x").steps() == [
        ["groupadd", "--system", "no-such-group"],
        ["usermod", "--append", "--groups", "no-such-group", user],
    ]
