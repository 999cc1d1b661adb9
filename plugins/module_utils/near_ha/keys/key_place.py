"""What a host says of the place of a key file, of a secret in a file, and of users and groups."""

from __future__ import annotations

import grp
import os
import pwd
import re
import stat
from pathlib import Path

from ..errors import BadConfig, BadKey
from . import key_file

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def status(path: Path, needed: bool) -> os.stat_result | None:
    """What the path is, None if nothing; BadKey if no key file can be there, although one is ``needed``."""
    if not path.is_absolute():
        raise BadConfig(f"path {str(path)!r} does not begin with '/'", "Give the whole path")
    if needed and not path.parent.is_dir():
        raise BadKey(
            f"{path.parent}, the directory of the key, does not exist", "Make it first, with mode 0700 or 0750"
        )
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(found.st_mode):
        raise BadKey(
            f"{path} is a symbolic link to {path.readlink()}, such as the guard makes of a validator that signs",
            "Nothing was changed. Give the path of the key itself",
        )
    if not stat.S_ISREG(found.st_mode):
        raise BadKey(f"{path} is not a file", "Nothing was changed. Give the path of a key file")
    return found


def read_secret(path: Path) -> str:
    """The text of a file that nobody but its owner may read; BadKey says why it cannot be taken."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            raw = file.read(key_file.MAX_FILE_BYTES + 1)
    except OSError as error:
        raise BadKey(f"secret_key_path {path} cannot be read: {error.strerror}", "Check the path") from None
    if mode & OTHERS:
        raise BadKey(
            f"secret_key_path {path} has mode {mode:04o}, so that others than its owner can use the secret key in it",
            "Make a new key, or, if nobody else had access to this host, set its mode to 0600 and run this again",
        )
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise BadKey(f"secret_key_path {path} is not text", "Is this a NEAR key file?") from None


def user_id(name: str | None) -> int:
    """The number of a user, -1 for None; BadConfig if there is no such user."""
    try:
        return -1 if name is None else pwd.getpwnam(name).pw_uid
    except KeyError:
        return _number(name, "owner", "user")


def group_id(name: str | None) -> int:
    """The number of a group, -1 for None; BadConfig if there is no such group."""
    try:
        return -1 if name is None else grp.getgrnam(name).gr_gid
    except KeyError:
        return _number(name, "group", "group")


def _number(name: str | None, option: str, noun: str) -> int:
    if name is None or not re.fullmatch(r"\d{1,9}", name, re.ASCII):
        raise BadConfig(f"{option} {name!r} is no {noun} of this host", f"Make the {noun} first")
    return int(name)
