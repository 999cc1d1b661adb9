"""What lies in the store of Nix: its files all have one time, so that no age tells whether they have changed."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from pathlib import Path

STORE = "/nix/store"
_PARTS_OF_AN_ENTRY = 4
# They change with every release of nixpkgs, and do nothing to a process that runs.
_OF_THE_SYSTEM = frozenset({"PATH", "LOCALE_ARCHIVE", "TZDIR"})


def holds(path: str) -> bool:
    """Whether a file is in the store, by itself or by where a link leads."""
    return os.path.realpath(path).startswith(f"{STORE}/")


def entry(path: str) -> str:
    """The entry of the store that a file belongs to, as ``/nix/store/HASH-NAME``; empty for any other file."""
    real = os.path.realpath(path)
    return "/".join(real.split("/")[:_PARTS_OF_AN_ENTRY]) if real.startswith(f"{STORE}/") else ""


def started_with(pid: int) -> dict[str, str] | None:
    """The environment that a process was started with; None where that cannot be read."""
    try:
        raw = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
    except OSError:
        return None
    return dict(word.split("=", 1) for word in raw.split("\0") if "=" in word)


def settings_of(text: str) -> dict[str, str]:
    """The variables of an EnvironmentFile as this collection writes them, on Debian and on NixOS."""
    found = {}
    for line in text.splitlines():
        name, sign, value = line.partition("=")
        if sign and not name.startswith("#"):
            if value[:1] == value[-1:] == '"':
                value = value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
            found[name] = value
    return found


def environment_of(shown: str) -> dict[str, str]:
    """The variables of a unit, as ``systemctl show --property=Environment`` prints them."""
    try:
        words = shlex.split(shown)
    except ValueError:
        return {}
    return dict(word.split("=", 1) for word in words if "=" in word)


def differences(wanted: dict[str, str], has: dict[str, str], where: str) -> list[str]:
    """Why a process that was started with ``has`` is out of date; what nixpkgs alone changes does not count."""
    names = sorted(name for name in wanted if name not in _OF_THE_SYSTEM and has.get(name) != wanted[name])
    return [f"{name} of {where} has changed" for name in names]


def program_in(words: Iterable[str], name: str) -> str:
    """The file of a program in the store that a command line names; empty when it names none."""
    return next((word for word in words if word.startswith(f"{STORE}/") and Path(word).name.startswith(name)), "")
